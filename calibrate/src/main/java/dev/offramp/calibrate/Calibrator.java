package dev.offramp.calibrate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/** Chooses the threshold whose risk is controlled. */
public final class Calibrator {
  private Calibrator() {}

  /** Calibrates for one risk without a name; of the accepted rows it takes the most eager. */
  public static Calibration calibrate(LossTable table, Settings settings) {
    return calibrate("", table, settings);
  }

  /**
   * Calibrates for one risk; of the accepted rows it takes the most eager.
   *
   * @param risk its name, as the guarantee is to call it; empty for none
   */
  public static Calibration calibrate(String risk, LossTable table, Settings settings) {
    return calibrate(risk, table, settings, List.of());
  }

  /**
   * The row that {@link #calibrate(LossTable, Settings)} chooses, without the sentences about it:
   * for many calibrations in a row.
   */
  public static int select(LossTable table, Settings settings) {
    return mostEager(Acceptance.of(only(table, settings), settings).rows());
  }

  /**
   * The rule of the code published with arXiv 2405.20915 for {@link Method#NAIVE} and {@link
   * Method#CRC}: the last row whose mean loss is within the limit, even past one whose mean loss is
   * not. To compare with published figures; no promise is attached to it.
   *
   * @throws CalibrationException if the method is another
   */
  public static int selectLastAnywhere(LossTable table, Settings settings) {
    if (settings.method() != Method.NAIVE && settings.method() != Method.CRC) {
      throw new CalibrationException(
          settings.method().id() + " has no published rule of its own; naive and crc have");
    }
    double limit = Acceptance.limit(only(table, settings).getFirst(), settings.method());
    int row = table.rows() - 1;
    while (row > 0 && !(table.risk(row) <= limit)) {
      row--;
    }
    return row;
  }

  private static List<RiskLevel> only(LossTable table, Settings settings) {
    return List.of(new RiskLevel("", table, settings.epsilon()));
  }

  /**
   * Calibrates for several risks; of the accepted rows it takes the most eager.
   *
   * @param risk name of the risk that {@code settings} are for, as the guarantee is to call it;
   *     empty for none
   * @param table its losses
   * @param further risks to be kept at the same time, on the same samples and grid: a row must be
   *     accepted for each of them (of p-values the largest counts)
   * @throws CalibrationException if shapes disagree, or the losses do not suit the method
   */
  public static Calibration calibrate(
      String risk, LossTable table, Settings settings, List<RiskLevel> further) {
    check(table, further);
    List<RiskLevel> risks = new ArrayList<>();
    risks.add(new RiskLevel(risk, table, settings.epsilon()));
    risks.addAll(further);
    Acceptance acceptance = Acceptance.of(risks, settings);
    int row = mostEager(acceptance.rows());
    return new Calibration(
        settings.method(),
        settings.method().tests() ? settings.fwer() : null,
        table.bound(),
        settings.epsilon(),
        settings.delta(),
        table.samples(),
        table.lambdas(),
        new double[0][],
        row,
        acceptance.rows().stream().toArray(),
        row == 0 ? Wording.noneAccepted(settings, risks, acceptance) : null,
        row == 0 ? Wording.NEVER_EXIT : Wording.guarantee(settings, risks, row),
        Planner.of(settings, table).epsilonMin(table.samples()),
        acceptance.pValues(),
        acceptance.upperBounds(),
        table.risks(),
        further.stream()
            .map(each ->
                new FurtherRisk(
                    each.risk(), each.table().bound(), each.epsilon(), each.table().risks()))
            .toList());
  }

  /** The last accepted row; 0, never exit, where there is none. */
  private static int mostEager(BitSet accepted) {
    return Math.max(0, accepted.length() - 1);
  }

  private static void check(LossTable table, List<RiskLevel> further) {
    for (RiskLevel risk : further) {
      if (risk.table().samples() != table.samples()
          || !Arrays.equals(risk.table().lambdas(), table.lambdas())) {
        throw new CalibrationException(
            "the losses of %s are not on the samples and grid of the first risk; use the same"
                .formatted(risk.risk()));
      }
    }
  }
}
