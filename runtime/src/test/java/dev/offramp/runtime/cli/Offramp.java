package dev.offramp.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Runs command lines as a user does. */
final class Offramp {
  private Offramp() {}

  /** What a command line left behind. */
  record Outcome(int code, String out, String err) {
    JsonObject json() {
      return JsonParser.parseString(out).getAsJsonObject();
    }

    /** The message alone, without the progress bars that share stderr. */
    String message() {
      return err.lines()
          .filter(line -> line.startsWith("offramp: "))
          .reduce((first, second) -> second)
          .orElse("");
    }
  }

  static Outcome offramp(Object... arguments) {
    String[] line = new String[arguments.length];
    for (int i = 0; i < line.length; i++) {
      line[i] = arguments[i].toString();
    }
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream toOut = new ByteArrayOutputStream();
    ByteArrayOutputStream toErr = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(toOut, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(toErr, true, StandardCharsets.UTF_8));
      int code = Main.execute(line);
      return new Outcome(
          code, toOut.toString(StandardCharsets.UTF_8), toErr.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** Checks that a command line ends with that code and one sentence that contains {@code part}. */
  static void refuses(int code, String part, Object... arguments) {
    Outcome outcome = offramp(arguments);
    assertThat(outcome.message()).contains(part);
    assertThat(outcome.code()).isEqualTo(code);
    assertThat(outcome.err()).doesNotContain("\tat ").doesNotContain("Exception");
    assertThat(outcome.out()).isEmpty();
  }
}
