package dev.offramp.models;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tokens that a text may hold as they stand: they are found in it before the rest is cut into
 * words. Where several begin, the longest is found, and of equal ones the one given first.
 */
final class AddedTokens {
  /**
   * @param text what is looked for, in a normalised text if the token is a normalised one
   * @param singleWord not where a letter, digit, mark or underscore stands before or after it
   * @param lstrip white space before it goes with it
   * @param rstrip white space after it goes with it
   */
  record Token(String text, int id, boolean singleWord, boolean lstrip, boolean rstrip) {
    /** Whether the token, found in the text at a place, counts there. */
    boolean fits(CharSequence in, int at) {
      int end = at + text.length();
      return !singleWord
          || (at == 0 || !BertCharacters.isOfWord(Character.codePointBefore(in, at)))
              && (end == in.length() || !BertCharacters.isOfWord(Character.codePointAt(in, end)));
    }
  }

  private final Map<Character, List<Token>> byFirst = new HashMap<>();
  private final int longest;

  AddedTokens(List<Token> tokens) {
    for (Token token : tokens) {
      byFirst.computeIfAbsent(token.text().charAt(0), c -> new ArrayList<>()).add(token);
    }
    byFirst.values().forEach(same -> same.sort(Comparator.comparing(t -> -t.text().length())));
    longest = tokens.stream().mapToInt(t -> t.text().length()).max().orElse(0);
  }

  /** How many chars from a place on decide what is found there, and whether it fits. */
  int reach() {
    return longest + 2;
  }

  /** The longest token that the text holds at a place, or null. */
  Token at(CharSequence text, int at) {
    for (Token token : byFirst.getOrDefault(text.charAt(at), List.of())) {
      if (text.length() - at >= token.text().length() && holds(text, at, token.text())) {
        return token;
      }
    }
    return null;
  }

  private static boolean holds(CharSequence text, int at, String token) {
    for (int i = 1; i < token.length(); i++) {
      if (text.charAt(at + i) != token.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
