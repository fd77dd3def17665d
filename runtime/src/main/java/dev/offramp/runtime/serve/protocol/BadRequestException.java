package dev.offramp.runtime.serve.protocol;

/**
 * A request that its sender can put right. The message is one line, {@code JSON path: problem;
 * remedy}, and safe to show: what it quotes of the request is short and printable.
 */
public final class BadRequestException extends RuntimeException {
  private static final int LONGEST_QUOTE = 40;

  BadRequestException(String path, String problemAndRemedy) {
    this(path + ": " + problemAndRemedy);
  }

  BadRequestException(String message) {
    // Thrown as often as clients like: a stack trace says nothing of their mistake.
    super(message, null, false, false);
  }

  /** A client's text, cut, and without what could confuse a terminal or a log. */
  static String quote(String text) {
    String cut = text.length() > LONGEST_QUOTE ? text.substring(0, LONGEST_QUOTE) + "…" : text;
    return cut.replaceAll("\\p{C}", "?");
  }
}
