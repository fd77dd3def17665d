package dev.offramp.models;

import java.text.Normalizer;

/**
 * BERT's normalizer as Hugging Face's tokenizers library applies it.
 *
 * @param cleanText drop control characters, make every white space a blank
 * @param splitChinese put blanks around every CJK ideograph
 * @param stripAccents decompose (NFD) and drop nonspacing marks
 * @param lowercase map each character to lower case, whatever its neighbours
 */
record BertText(boolean cleanText, boolean splitChinese, boolean stripAccents, boolean lowercase) {
  private static final int CAPITAL_I_WITH_DOT = 0x130;
  private static final int COMBINING_DOT_ABOVE = 0x307;

  /** Normalises text[from, to), which should not part a combining mark from its base. */
  void normalise(String text, int from, int to, StringBuilder out) {
    String cleaned = clean(text, from, to);
    String decomposed = stripAccents ? Normalizer.normalize(cleaned, Normalizer.Form.NFD) : cleaned;
    for (int i = 0; i < decomposed.length(); ) {
      int c = decomposed.codePointAt(i);
      i += Character.charCount(c);
      if (!(stripAccents && BertCharacters.isNonspacingMark(c))) {
        lower(c, out);
      }
    }
  }

  private String clean(String text, int from, int to) {
    StringBuilder cleaned = new StringBuilder(to - from);
    for (int i = from; i < to; ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
        c = BertCharacters.REPLACEMENT; // A lone surrogate is no character.
      }
      if (cleanText && BertCharacters.isDropped(c)) {
        continue;
      }
      if (cleanText && BertCharacters.isWhitespace(c)) {
        cleaned.append(' ');
      } else if (splitChinese && BertCharacters.isChinese(c)) {
        cleaned.append(' ').appendCodePoint(c).append(' ');
      } else {
        cleaned.appendCodePoint(c);
      }
    }
    return cleaned.toString();
  }

  /** The one character whose lower case is two characters is mapped by hand. */
  private void lower(int c, StringBuilder out) {
    if (lowercase && c == CAPITAL_I_WITH_DOT) {
      out.append('i').append((char) COMBINING_DOT_ABOVE);
    } else {
      out.appendCodePoint(lowercase ? Character.toLowerCase(c) : c);
    }
  }
}
