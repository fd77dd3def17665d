package dev.offramp.runtime.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Runs programs of the user's, such as Maven and npm, to their end. */
public final class Subprocess {
  private Subprocess() {}

  /**
   * How a program ended.
   *
   * @param code 0 if all went well
   * @param output what it wrote, errors too
   */
  public record Ended(int code, String output) {}

  /**
   * Runs a program without input and waits for it. It is ended early if this thread is interrupted
   * or this process is stopped.
   *
   * @param folder where it runs
   * @throws IOException if it cannot be started
   * @throws IllegalStateException if this thread is interrupted
   */
  public static Ended run(Path folder, List<String> command) throws IOException {
    // Into a file: reading a pipe would not end by an interrupt.
    try (TemporaryFolder temporary = TemporaryFolder.create()) {
      Path output = temporary.path().resolve("output");
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      Thread onExit = new Thread(() -> end(process));
      Runtime.getRuntime().addShutdownHook(onExit);
      try {
        process.getOutputStream().close();
        int code = process.waitFor();
        return new Ended(code, new String(Files.readAllBytes(output), StandardCharsets.UTF_8));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while " + command.getFirst() + " ran", e);
      } finally {
        end(process);
        remove(onExit);
      }
    }
  }

  /** The programs that it started go first: nobody would know them afterwards. */
  private static void end(Process process) {
    if (process.isAlive()) {
      process.descendants().forEach(ProcessHandle::destroy);
      process.destroy();
    }
  }

  private static void remove(Thread onExit) {
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException e) {
      // The process is stopping: the hook runs.
    }
  }
}
