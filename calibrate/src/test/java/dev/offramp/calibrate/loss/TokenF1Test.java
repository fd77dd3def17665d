package dev.offramp.calibrate.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenF1Test {
  private static final List<String> WORDS = List.of("x", "y2", "été", "1990s");

  private static int[] counts(SplittableRandom random) {
    return random.ints(WORDS.size(), 0, 4).toArray();
  }

  /** Each word as often as counted, in random order, with articles and punctuation thrown in. */
  private static String text(SplittableRandom random, int[] counts) {
    int[] left = counts.clone();
    StringBuilder text = new StringBuilder();
    int words = IntStream.of(counts).sum();
    while (words > 0) {
      int word = random.nextInt(left.length);
      if (left[word] > 0) {
        left[word]--;
        words--;
        text.append(List.of("", "the ", "A\t", "An ").get(random.nextInt(4)));
        text.append(WORDS.get(word)).append(List.of(" ", ". ", "\n", "? ").get(random.nextInt(4)));
      }
    }
    return text.toString();
  }

  @Test
  void agreesWithPrecisionAndRecall() {
    SplittableRandom random = new SplittableRandom(61);
    for (int trial = 0; trial < 500; trial++) {
      int[] answer = counts(random);
      int[][] references = {counts(random), counts(random), counts(random)};
      double best = 0;
      for (int[] reference : references) {
        double common =
            IntStream.range(0, answer.length).map(w -> Math.min(answer[w], reference[w])).sum();
        double precision = common / IntStream.of(answer).sum();
        double recall = common / IntStream.of(reference).sum();
        best = common == 0 ? best : Math.max(best, 2 * precision * recall / (precision + recall));
      }
      if (IntStream.of(answer).sum() > 0) {
        List<String> texts =
            IntStream.range(0, 3).mapToObj(r -> text(random, references[r])).toList();
        assertThat(TokenF1.score(text(random, answer), texts)).isCloseTo(best, within(1e-14));
      }
    }
  }

  @Test
  void normalisation() {
    assertThat(TokenF1.score("The U.S.A.!", List.of("usa"))).isOne();
    assertThat(TokenF1.score("well-known", List.of("wellknown"))).isOne();
    assertThat(TokenF1.score("a  theory\tof an Apple", List.of("theory of apple"))).isOne();
    assertThat(TokenF1.score("banana", List.of("bnn"))).isZero();
    // Letters outside ASCII are part of their words, so that neither holds an article.
    assertThat(TokenF1.score("aé éa", List.of("aé éa x"))).isEqualTo(0.8);
    // Only ASCII punctuation goes, as in the official script.
    assertThat(TokenF1.score("“x”", List.of("x"))).isZero();
    assertThat(TokenF1.score("x $5", List.of("x 5"))).isOne();
  }

  @Test
  void wordsCountAsOftenAsTheyAppear() {
    assertThat(TokenF1.score("x x x", List.of("x"))).isEqualTo(0.5);
    assertThat(TokenF1.score("x x y", List.of("x x x y y"))).isEqualTo(0.75);
  }

  @Test
  void theBestReferenceCounts() {
    assertThat(TokenF1.score("in Paris", List.of("London", "Paris", "in paris"))).isOne();
    assertThat(TokenF1.gap("London", "in Paris", List.of("Paris")))
        .isCloseTo(2.0 / 3, within(1e-15));
    assertThat(TokenF1.gap("Paris", "London", List.of("Paris"))).isEqualTo(-1);
    assertThat(TokenF1.gap("Paris", "Paris", List.of("in Paris"))).isZero();
  }

  @Test
  void emptyAnswers() {
    for (String empty : new String[] {"", "the", " ?! "}) {
      assertThat(TokenF1.score(empty, List.of(""))).isOne();
      assertThat(TokenF1.score(empty, List.of("x"))).isZero();
      assertThat(TokenF1.score("x", List.of(empty))).isZero();
    }
    assertThatThrownBy(() -> TokenF1.score("x", List.of()))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("needs a reference");
  }
}
