package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Chooses the threshold whose risk is controlled. */
public final class Calibrator {
  private final List<RiskLevel> risks;
  private final Settings settings;
  private final int rows;

  private Calibrator(List<RiskLevel> risks, Settings settings) {
    this.risks = risks;
    this.settings = settings;
    this.rows = risks.getFirst().table().rows();
  }

  /** Calibrates for one risk; of the accepted rows it takes the most eager. */
  public static Calibration calibrate(LossTable table, Settings settings) {
    return calibrate(table, settings, new double[0], List.of());
  }

  /**
   * Calibrates a threshold.
   *
   * @param settings method, level and so on, for the losses in {@code table}
   * @param costOfRow shape [K], cost of running at each row in any unit; of the accepted rows and
   *     row 0 the cheapest is taken, of equally cheap ones the most eager. Empty: the most eager
   *     accepted row is taken. It may come from the calibration data: the guarantee holds for all
   *     accepted rows at once
   * @param further risks to be kept at the same time, on the same samples and grid; a row is
   *     accepted when it is for each of them (of p-values the largest counts)
   * @throws CalibrationException if shapes disagree, a cost is NaN, or a loss does not suit the
   *     method
   */
  public static Calibration calibrate(
      LossTable table, Settings settings, double[] costOfRow, List<RiskLevel> further) {
    return null;
  }
}
