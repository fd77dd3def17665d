package dev.offramp.runtime.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;

/** Where results go. It remembers what went wrong, which a PrintStream over it keeps to itself. */
final class Stdout extends OutputStream {
  private final OutputStream to;
  private IOException failure;

  Stdout(OutputStream to) {
    this.to = to;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int length) throws IOException {
    try {
      to.write(bytes, from, length);
    } catch (IOException e) {
      failure = failure == null ? e : failure;
      throw e;
    }
  }

  /** Why something could not be written, or null: also where the reader has heard enough. */
  String problem() {
    if (failure == null) {
      return null;
    }
    String reason = String.valueOf(failure.getMessage());
    return reason.toLowerCase(Locale.ROOT).contains("pipe") ? null : reason;
  }
}
