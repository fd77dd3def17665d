package dev.offramp.calibrate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

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
    return calibrate(risk, table, settings, new double[0], List.of());
  }

  /**
   * The row that {@link #calibrate(LossTable, Settings)} chooses, without the sentences about it:
   * for many calibrations in a row.
   */
  public static int select(LossTable table, Settings settings) {
    return choose(Acceptance.of(only(table, settings), settings).rows(), new double[0]);
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
   * Calibrates a threshold.
   *
   * @param risk name of the risk that {@code settings} are for, as the guarantee is to call it;
   *     empty for none
   * @param table its losses
   * @param costOfRow shape [K], cost of running at each row in any unit; of the accepted rows and
   *     row 0 the cheapest is taken, of equally cheap ones the most eager. Empty: the most eager
   *     accepted row is taken. Costs may come from the calibration data, for the guarantee holds
   *     for all accepted rows at once
   * @param further risks to be kept at the same time, on the same samples and grid: a row must be
   *     accepted for each of them (of p-values the largest counts)
   * @throws CalibrationException if shapes disagree, a cost is NaN, or the losses do not suit the
   *     method
   */
  public static Calibration calibrate(
      String risk,
      LossTable table,
      Settings settings,
      double[] costOfRow,
      List<RiskLevel> further) {
    check(table, costOfRow, further);
    List<RiskLevel> risks = new ArrayList<>();
    risks.add(new RiskLevel(risk, table, settings.epsilon()));
    risks.addAll(further);
    Acceptance acceptance = Acceptance.of(risks, settings);
    int row = choose(acceptance.rows(), costOfRow);
    String reason = null;
    if (acceptance.rows().isEmpty()) {
      reason = Wording.noneAccepted(settings, risks, acceptance);
    } else if (row == 0) {
      reason = "never exit is cheaper than every certified threshold";
    }
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
        reason,
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

  private static int choose(BitSet accepted, double[] costOfRow) {
    if (costOfRow.length == 0) {
      return Math.max(0, accepted.length() - 1);
    }
    int cheapest = 0;
    for (int k = accepted.nextSetBit(1); k >= 0; k = accepted.nextSetBit(k + 1)) {
      cheapest = costOfRow[k] <= costOfRow[cheapest] ? k : cheapest;
    }
    return cheapest;
  }

  private static void check(LossTable table, double[] costOfRow, List<RiskLevel> further) {
    if (costOfRow.length != 0 && costOfRow.length != table.rows()) {
      throw new CalibrationException(
          "%d costs for %d rows; give one for each row, or none"
              .formatted(costOfRow.length, table.rows()));
    }
    IntStream.range(0, costOfRow.length)
        .filter(k -> Double.isNaN(costOfRow[k]))
        .findFirst()
        .ifPresent(k -> {
          throw new CalibrationException("the cost of row " + k + " is NaN; give a number");
        });
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
