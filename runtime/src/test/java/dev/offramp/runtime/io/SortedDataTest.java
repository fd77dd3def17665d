package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.calibrate.Calibrator;
import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Settings;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * A guarantee holds over the draw of files that are sorted, by class for example, with the seed
 * that everybody has. By simulation: of ten classes, all samples of the last have loss 1 and no
 * others.
 */
class SortedDataTest {
  private static final int SAMPLES = 700;
  private static final int DRAWS = 400;
  private static final double DELTA = 0.1;
  private static final double RISK = 0.1;

  @Test
  void halvesOfSortedFilesAreDrawnByTheData() {
    Random random = new Random(11);
    Settings settings = new Settings(Method.LTT_BINOMIAL, Fwer.SPLIT, RISK - 1e-9, DELTA);
    int wrong = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      double[] losses = sorted(random);
      List<int[]> rows = Arrays.stream(losses).mapToObj(loss -> new int[] {(int) loss}).toList();
      Inputs read = new Inputs(rows.stream().map(_ -> "").toList(), rows, List.of());
      SplittableRandom order =
          new SplittableRandom(Inputs.seed(settings.seed(), hash(draw + Arrays.toString(losses))));
      double[] shuffled = read.shuffled(order).rows().stream().mapToDouble(row -> row[0]).toArray();
      LossTable table =
          new LossTable(new double[] {1, 0}, new double[][] {new double[SAMPLES], shuffled}, 1);
      wrong += Calibrator.calibrate(table, settings).rowIndex() > 0 ? 1 : 0;
    }
    // Three standard errors; by the same halves for all data it is 0.26.
    assertThat((double) wrong / DRAWS)
        .isLessThan(DELTA + 3 * Math.sqrt(DELTA * (1 - DELTA) / DRAWS));
  }

  private static double[] sorted(Random random) {
    return IntStream.range(0, SAMPLES)
        .map(i -> random.nextInt(10))
        .sorted()
        .mapToDouble(label -> label == 9 ? 1 : 0)
        .toArray();
  }

  /** The texts of no two draws are the same. */
  private static String hash(String data) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(data.getBytes());
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
