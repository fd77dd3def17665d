package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;

class ConsoleTest {
  /** Also where the work ends, well or not, before the bar was due. */
  @Test
  void theLineOfProgressEnds() {
    for (int run = 0; run < 50; run++) {
      boolean fails = run % 2 == 0;
      List<String> lines = told(fails).lines().filter(line -> !line.isBlank()).toList();
      assertThat(lines.getFirst()).startsWith("task");
      assertThat(lines.getLast()).isEqualTo("next");
    }
  }

  private static String told(boolean fails) {
    PrintStream err = System.err;
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    try {
      System.setErr(new PrintStream(told, true));
      try {
        Console.progress("task", 400, done -> work(done, fails));
      } catch (IllegalStateException e) {
        assertThat(fails).isTrue();
      }
      Console.say("next");
    } finally {
      System.setErr(err);
    }
    return told.toString();
  }

  private static int work(IntConsumer done, boolean fails) {
    done.accept(64);
    if (fails) {
      throw new IllegalStateException("the work failed");
    }
    return 64;
  }
}
