package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SubprocessTest {
  @TempDir private Path folder;

  @BeforeEach
  void needsAShell() {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "the programs are shell scripts");
  }

  @Test
  void tellsHowItEnded() throws IOException {
    Subprocess.Ended ended =
        Subprocess.run(folder, List.of("/bin/sh", "-c", "pwd; echo bad >&2; cat; exit 3"));
    assertThat(ended.code()).isEqualTo(3);
    assertThat(ended.output()).isEqualTo(folder.toRealPath() + "\nbad\n");
    assertThatThrownBy(() -> Subprocess.run(folder, List.of("no-such-program")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no-such-program");
  }

  /** An npm that hangs must not outlive the one who asked. */
  @Test
  @Timeout(60)
  void anInterruptEndsTheProgramAndWhatItStarted() throws Exception {
    Path numbers = folder.resolve("numbers");
    String script = "sleep 50 & echo $$ $! > new; mv new numbers; wait";
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        Thread.ofPlatform()
            .uncaughtExceptionHandler((_, e) -> failure.set(e))
            .start(() -> {
              try {
                Subprocess.run(folder, List.of("/bin/sh", "-c", script));
              } catch (IOException e) {
                failure.set(e);
              }
            });
    while (!Files.exists(numbers)) {
      Thread.sleep(5);
    }
    thread.interrupt();
    thread.join();
    assertThat(failure.get())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("interrupted while /bin/sh ran");
    for (String number : Files.readString(numbers).strip().split(" ")) {
      ProcessHandle.of(Long.parseLong(number)).ifPresent(process -> process.onExit().join());
    }
  }
}
