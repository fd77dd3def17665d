package dev.offramp.calibrate.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RougeLTest {
  /** Longest among all 2^n selections of tokens of a that appear in b in the same order. */
  private static int longestCommonSubsequence(List<String> a, List<String> b) {
    int longest = 0;
    for (int bits = 0; bits < 1 << a.size(); bits++) {
      int at = 0;
      for (int i = 0; i < a.size() && at <= b.size(); i++) {
        if ((bits >> i & 1) == 1) {
          while (at < b.size() && !b.get(at).equals(a.get(i))) {
            at++;
          }
          at++;
        }
      }
      longest = at <= b.size() ? Math.max(longest, Integer.bitCount(bits)) : longest;
    }
    return longest;
  }

  private static List<String> words(SplittableRandom random) {
    return random
        .ints(random.nextInt(1, 11), 0, 4)
        .mapToObj(i -> List.of("ab", "c", "7", "été").get(i))
        .toList();
  }

  /** The words with random case and separators between and around them. */
  private static String text(SplittableRandom random, List<String> words) {
    StringBuilder text = new StringBuilder();
    for (String word : words) {
      text.append(List.of(" ", ", ", "--", "\n", "! (").get(random.nextInt(5)));
      text.append(random.nextBoolean() ? word : word.toUpperCase(Locale.ROOT));
    }
    return text.append(random.nextBoolean() ? "." : "").toString();
  }

  @Test
  void agreesWithAllSubsequences() {
    SplittableRandom random = new SplittableRandom(51);
    for (int trial = 0; trial < 500; trial++) {
      List<String> a = words(random);
      List<String> b = words(random);
      double common = longestCommonSubsequence(a, b);
      double expected = common == 0 ? 0 : 2 / (a.size() / common + b.size() / common);
      assertThat(RougeL.score(text(random, a), text(random, b)))
          .as("%s, %s", a, b)
          .isCloseTo(expected, within(1e-15));
    }
  }

  @Test
  void theExampleOfRougeScore() {
    assertThat(
            RougeL.score(
                "The quick brown dog jumps on the log.",
                "The quick brown fox jumps over the lazy dog"))
        .isEqualTo(10.0 / 17);
  }

  @Test
  void tokensAreRunsOfLettersAndDigits() {
    assertThat(RougeL.score("don't U.S.A. 3,000", "don t u s a 3 000")).isOne();
    assertThat(RougeL.score("snake_case", "snake case")).isOne();
    assertThat(RougeL.score("Größe über alles", "größe ÜBER alles")).isOne();
    assertThat(RougeL.score("हिन्दी", "हिन्दी")).isOne();
    assertThat(RougeL.score("running", "run")).isZero();
  }

  @Test
  void emptyTexts() {
    for (String empty : new String[] {"", " ", "...", "\n"}) {
      assertThat(RougeL.score(empty, "word")).isZero();
      assertThat(RougeL.score("word", empty)).isZero();
      assertThat(RougeL.score(empty, "")).isOne();
      assertThat(RougeL.consistency(empty, empty)).isZero();
      assertThat(RougeL.gap(empty, "word", "word")).isOne();
      assertThat(RougeL.gap("word", empty, "word")).isEqualTo(-1);
    }
  }

  @Test
  void theFullTextLosesNothing() {
    SplittableRandom random = new SplittableRandom(52);
    for (int trial = 0; trial < 100; trial++) {
      String full = text(random, words(random));
      assertThat(RougeL.consistency(full, full)).isZero();
      assertThat(RougeL.gap(full, full, text(random, words(random)))).isZero();
    }
  }

  @Test
  void longTexts() {
    List<String> words = new ArrayList<>();
    IntStream.range(0, 2_000).forEach(i -> words.add("w" + i));
    String all = String.join(" ", words);
    assertThat(RougeL.score(all, String.join(" ", words.subList(500, 1_500))))
        .isEqualTo(2_000.0 / 3_000);
    assertThat(RougeL.score(all, String.join(" ", words.reversed()))).isEqualTo(2.0 / 4_000);
  }
}
