package dev.offramp.runtime.serve.protocol;

import java.nio.charset.StandardCharsets;

/** Writes JSON strings and numbers. */
final class JsonText {
  private final StringBuilder out = new StringBuilder(256);

  /** Text that is JSON already. */
  JsonText raw(String json) {
    out.append(json);
    return this;
  }

  JsonText number(int value) {
    out.append(value);
    return this;
  }

  /**
   * The shortest decimal that is read as the same float.
   *
   * @throws IllegalArgumentException if JSON has no such number
   */
  JsonText number(float value) {
    if (!Float.isFinite(value)) {
      throw new IllegalArgumentException("the model computed " + value + ", which is no number");
    }
    out.append(value);
    return this;
  }

  JsonText string(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || Character.isSurrogate(c)) {
        // Surrogates may stand alone, which no encoding can hold.
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
    return this;
  }

  /** In UTF-8. */
  byte[] bytes() {
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }
}
