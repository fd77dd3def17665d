package dev.offramp.calibrate.loss;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * ROUGE-L of summaries: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, with
 * F1 in place of a weighted F.
 *
 * <p>Tokens are the longest runs of letters, marks and digits of the text in lower case, without
 * stemming. On ASCII text these are the tokens of the {@code rouge_score} package's default; other
 * alphabets, which that package drops, count here.
 */
public final class RougeL {
  private static final Pattern SEPARATOR = Pattern.compile("[^\\p{L}\\p{M}\\p{N}]+");

  private RougeL() {}

  /**
   * F1 of the longest common subsequence of tokens: 2 LCS / (m + n) for m and n tokens, in [0, 1].
   * It is symmetric. Two texts without tokens agree (1); where only one has none, it is 0.
   */
  public static double score(String candidate, String reference) {
    String[] a = tokens(candidate);
    String[] b = tokens(reference);
    return Overlap.f1(longestCommonSubsequence(a, b), a.length, b.length);
  }

  /** Score of the full text minus that of the early one, in [-1, 1]. */
  public static double gap(String early, String full, String reference) {
    return score(full, reference) - score(early, reference);
  }

  /** 1 - score of the early text against the full one, in [0, 1]. */
  public static double consistency(String early, String full) {
    return 1 - score(early, full);
  }

  private static String[] tokens(String text) {
    return SEPARATOR
        .splitAsStream(text.toLowerCase(Locale.ROOT))
        .filter(token -> !token.isEmpty())
        .toArray(String[]::new);
  }

  private static int longestCommonSubsequence(String[] a, String[] b) {
    int[] previous = new int[b.length + 1];
    int[] current = new int[b.length + 1];
    for (String token : a) {
      for (int j = 0; j < b.length; j++) {
        current[j + 1] =
            token.equals(b[j]) ? previous[j] + 1 : Math.max(previous[j + 1], current[j]);
      }
      int[] swap = previous;
      previous = current;
      current = swap;
    }
    return previous[b.length];
  }
}
