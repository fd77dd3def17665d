package dev.offramp.models;

import java.util.Arrays;

/** Character classes of BERT's normalizer and pre-tokenizer. */
final class BertCharacters {
  static final int REPLACEMENT = 0xfffd;
  private static final int ZERO_WIDTH_NON_JOINER = 0x200c;
  private static final int ZERO_WIDTH_JOINER = 0x200d;

  /**
   * The library's classes are those of Unicode 8. Characters between these bounds (from, to, from,
   * to, …) got a class that matters here in later versions and have none for the library.
   */
  private static final int[] CLASSED_LATER = {
    0x61d, 0x61e, 0x7fd, 0x7fe, 0x890, 0x8e3, 0x9fd, 0x9ff, 0xa76, 0xa77, 0xafa, 0xb00, 0xb55,
    0xb56, 0xc04, 0xc3d, 0xc77, 0xc78, 0xc84, 0xc85, 0xd00, 0xd01, 0xd3b, 0xd3d, 0xd81, 0xd82,
    0xeba, 0xebb, 0xece, 0xecf, 0x180f, 0x1887, 0x1abf, 0x1acf, 0x1b4e, 0x1b50, 0x1b7d, 0x1b80,
    0x1df6, 0x1dfc, 0x2e43, 0x2e5e, 0xa82c, 0xa82d, 0xa8c5, 0xa8c6, 0xa8ff, 0xa900, 0xa9bd, 0xa9be,
    0x10d24, 0x10f8a, 0x11070, 0x11075, 0x110c2, 0x110ce, 0x111cf, 0x111d0, 0x1123e, 0x11242,
    0x1133b, 0x1133c, 0x113bb, 0x1145f, 0x11660, 0x1166d, 0x116b9, 0x116ba, 0x1182f, 0x12000,
    0x12ff1, 0x16130, 0x16d6d, 0x16f50, 0x16fe2, 0x16fe5, 0x1cf00, 0x1cf47, 0x1e000, 0x1e600,
    0x1e944, 0x1e960
  };

  private BertCharacters() {}

  /** Unicode's White_Space property. */
  static boolean isWhitespace(int c) {
    return switch (c) {
      case '\t', '\n', 0x0b, '\f', '\r', ' ', 0x85, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000 -> true;
      default -> c >= 0x2000 && c <= 0x200a || c == 0x2028 || c == 0x2029;
    };
  }

  /**
   * What cleaning drops: U+0000, U+FFFD and Unicode's category Other without unassigned characters,
   * tab and newlines.
   */
  static boolean isDropped(int c) {
    if (c == '\t' || c == '\n' || c == '\r') {
      return false;
    }
    return c == REPLACEMENT
        || switch (type(c)) {
          case Character.CONTROL, Character.FORMAT, Character.PRIVATE_USE, Character.SURROGATE ->
              true;
          default -> false;
        };
  }

  /** The blocks of CJK ideographs, as listed by BERT. */
  static boolean isChinese(int c) {
    return c >= 0x4e00 && c <= 0x9fff
        || c >= 0x3400 && c <= 0x4dbf
        || c >= 0x20000 && c <= 0x2a6df
        || c >= 0x2a700 && c <= 0x2b73f
        || c >= 0x2b740 && c <= 0x2b81f
        || c >= 0x2b920 && c <= 0x2ceaf
        || c >= 0xf900 && c <= 0xfaff
        || c >= 0x2f800 && c <= 0x2fa1f;
  }

  static boolean isNonspacingMark(int c) {
    return type(c) == Character.NON_SPACING_MARK;
  }

  /** Unicode punctuation, and every ASCII character that is no letter, digit or space. */
  static boolean isPunctuation(int c) {
    if (c < 0x80) {
      return c > ' ' && c < 0x7f && !Character.isLetterOrDigit(c);
    }
    return switch (type(c)) {
      case Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION ->
          true;
      default -> false;
    };
  }

  /** What regular expressions of that library call a word character, by today's Unicode. */
  static boolean isOfWord(int c) {
    return Character.isAlphabetic(c)
        || c == ZERO_WIDTH_NON_JOINER
        || c == ZERO_WIDTH_JOINER
        || switch (Character.getType(c)) {
          case Character.NON_SPACING_MARK,
              Character.ENCLOSING_MARK,
              Character.COMBINING_SPACING_MARK,
              Character.DECIMAL_DIGIT_NUMBER,
              Character.CONNECTOR_PUNCTUATION ->
              true;
          default -> false;
        };
  }

  /** Character.getType as of Unicode 8, as far as the classes used here go. */
  private static int type(int c) {
    return switch (c) {
      case 0x166d, 0x111c9 -> Character.OTHER_PUNCTUATION;
      case 0x1734, 0x1171e -> Character.NON_SPACING_MARK;
      default -> isClassedLater(c) ? Character.UNASSIGNED : Character.getType(c);
    };
  }

  private static boolean isClassedLater(int c) {
    if (c < CLASSED_LATER[0]) {
      return false;
    }
    int found = Arrays.binarySearch(CLASSED_LATER, c);
    int boundsUpTo = found >= 0 ? found + 1 : -found - 1;
    return boundsUpTo % 2 == 1;
  }
}
