package dev.offramp.models;

import java.text.Normalizer;

/**
 * BERT's normalizer and pre-tokenizer as Hugging Face's tokenizers library applies them.
 *
 * @param cleanText drop control characters
 * @param splitChinese make every CJK ideograph a word
 * @param stripAccents decompose (NFD) and drop nonspacing marks
 * @param lowercase map each character to lower case, whatever its neighbours
 */
record BertText(boolean cleanText, boolean splitChinese, boolean stripAccents, boolean lowercase) {
  private static final int CAPITAL_I_WITH_DOT = 0x130;
  private static final int COMBINING_DOT_ABOVE = 0x307;

  /** Takes the normalised text: words of one or more code points, in order. */
  interface Sink {
    void codePoint(int c);

    void endOfWord();

    /** True once nothing more is wanted. */
    boolean full();
  }

  /**
   * Normalises text[from, to) and hands its words to the sink. A word still open at the end goes on
   * in the next call. The cuts should not part a combining mark from its base.
   */
  void split(String text, int from, int to, Sink sink) {
    String cleaned = clean(text, from, to);
    String decomposed = stripAccents ? Normalizer.normalize(cleaned, Normalizer.Form.NFD) : cleaned;
    for (int i = 0; i < decomposed.length() && !sink.full(); ) {
      int c = decomposed.codePointAt(i);
      i += Character.charCount(c);
      if (BertCharacters.isWhitespace(c)) {
        sink.endOfWord();
      } else if (BertCharacters.isPunctuation(c)) {
        sink.endOfWord();
        sink.codePoint(c);
        sink.endOfWord();
      } else if (!(stripAccents && BertCharacters.isNonspacingMark(c))) {
        lower(c, sink);
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
      if (splitChinese && BertCharacters.isChinese(c)) {
        cleaned.append(' ').appendCodePoint(c).append(' ');
      } else {
        cleaned.appendCodePoint(c);
      }
    }
    return cleaned.toString();
  }

  /** The one character whose lower case is two characters is mapped by hand. */
  private void lower(int c, Sink sink) {
    if (lowercase && c == CAPITAL_I_WITH_DOT) {
      sink.codePoint('i');
      sink.codePoint(COMBINING_DOT_ABOVE);
    } else {
      sink.codePoint(lowercase ? Character.toLowerCase(c) : c);
    }
  }
}
