package dev.offramp.calibrate.loss;

import dev.offramp.calibrate.CalibrationException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Token F1 of answers, as the evaluation of SQuAD defines it: Rajpurkar et al., arXiv 1606.05250
 * and, for empty answers, arXiv 1806.03822. The text is put in lower case, ASCII punctuation and
 * then the words a, an and the are removed, and what white space separates are the tokens.
 */
public final class TokenF1 {
  private static final Pattern PUNCTUATION = Pattern.compile("\\p{Punct}");

  private static final Pattern ARTICLE =
      Pattern.compile("\\b(a|an|the)\\b", Pattern.UNICODE_CHARACTER_CLASS);

  private static final Pattern WHITE_SPACE =
      Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  private TokenF1() {}

  /**
   * The best F1 over the references: 2 s / (m + n) for m and n tokens of which s are shared,
   * counted with multiplicity; in [0, 1]. Two texts without tokens agree (1); where only one has
   * none, it is 0.
   *
   * @param references right answers, at least one; "" where the right answer is none
   * @throws CalibrationException if there is no reference
   */
  public static double score(String answer, Collection<String> references) {
    if (references.isEmpty()) {
      throw new CalibrationException(
          "an answer needs a reference; give \"\" for a question without an answer");
    }
    List<String> tokens = tokens(answer);
    return references.stream().mapToDouble(r -> f1(tokens, tokens(r))).max().getAsDouble();
  }

  /**
   * Score of the full answer minus that of the early one, in [-1, 1].
   *
   * @param references right answers, at least one; "" where the right answer is none
   * @throws CalibrationException if there is no reference
   */
  public static double gap(String early, String full, Collection<String> references) {
    return score(full, references) - score(early, references);
  }

  private static double f1(List<String> answer, List<String> reference) {
    Map<String, Integer> left = new HashMap<>();
    reference.forEach(token -> left.merge(token, 1, Integer::sum));
    int common = 0;
    for (String token : answer) {
      if (left.merge(token, -1, Integer::sum) >= 0) {
        common++;
      }
    }
    return Overlap.f1(common, answer.size(), reference.size());
  }

  private static List<String> tokens(String text) {
    String bare = PUNCTUATION.matcher(text.toLowerCase(Locale.ROOT)).replaceAll("");
    String words = ARTICLE.matcher(bare).replaceAll(" ");
    return WHITE_SPACE.splitAsStream(words).filter(token -> !token.isEmpty()).toList();
  }
}
