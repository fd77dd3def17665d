package dev.offramp.runtime.report;

/** Text inside HTML and SVG. */
final class Markup {
  private Markup() {}

  /** Escapes text for content and for quoted attributes; what XML cannot hold becomes U+FFFD. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '&' -> escaped.append("&amp;");
            case '<' -> escaped.append("&lt;");
            case '>' -> escaped.append("&gt;");
            case '"' -> escaped.append("&quot;");
            case '\'' -> escaped.append("&#39;");
            default -> escaped.appendCodePoint(isXml(c) ? c : 0xFFFD);
          }
        });
    return escaped.toString();
  }

  private static boolean isXml(int c) {
    return c == '\t'
        || c == '\n'
        || c == '\r'
        || c >= 0x20 && c < 0xD800
        || c >= 0xE000 && c != 0xFFFE && c != 0xFFFF;
  }
}
