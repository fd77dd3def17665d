package dev.offramp.calibrate;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The sentences of a {@link Calibration}: what is guaranteed, or why nothing is. */
final class Wording {
  static final String NEVER_EXIT =
      "Never exit: every sample runs through the full model, so nothing is risked.";

  static final String EPSILON_NOT_POSITIVE =
      "epsilon <= 0: no early exit can be certified free of risk";

  private Wording() {}

  static String guarantee(Settings settings, List<RiskLevel> risks, int row) {
    LossTable table = risks.getFirst().table();
    int samples = table.samples();
    String levels =
        risks.stream()
            .map(risk -> risk.epsilon() + (risks.size() == 1 ? "" : " (" + risk.risk() + ")"))
            .collect(Collectors.joining(" and at most "));
    return switch (settings.method().promise()) {
      case NONE -> "No guarantee: only on the calibration samples is the mean loss within epsilon.";
      case EXPECTATION -> {
        int notMonotone =
            settings.method() == Method.CRC_SAMPLEWISE
                ? 0
                : risks.stream()
                    .mapToInt(risk -> ConformalRiskControl.samplesNotMonotone(risk.table()))
                    .max()
                    .orElseThrow();
        yield notMonotone == 0 ? onAverage(samples, levels) : notProven(samples, notMonotone);
      }
      case HIGH_PROBABILITY ->
          exceptWithProbability(settings, samples, "lambda " + table.lambdas()[row], levels);
    };
  }

  /**
   * @param at the threshold or thresholds chosen
   */
  static String exceptWithProbability(Settings settings, int samples, String at, String level) {
    return text(
        "Except with probability at most %s over the draw of the %d calibration samples, the"
            + " expected loss at %s on new samples of the same kind is at most %s.",
        settings.delta(), samples, at, level);
  }

  private static String onAverage(int samples, String levels) {
    return text(
        "On average over draws of %d calibration samples, the expected loss on new samples of the"
            + " same kind at the threshold so chosen is at most %s; for a single draw, such as this"
            + " one, it may be more.",
        samples, levels);
  }

  private static String notProven(int samples, int notMonotone) {
    return text(
        "Not proven: the loss of %d of the %d calibration samples falls somewhere towards eager"
            + " thresholds, where the theorem of conformal risk control asks that no sample's loss"
            + " ever does; crc-samplewise has the guarantee.",
        notMonotone, samples);
  }

  /** Why no row was accepted. */
  static String noneAccepted(
      Settings settings, List<RiskLevel> risks, double[][] means, Acceptance acceptance) {
    LossTable table = risks.getFirst().table();
    if (risks.stream().anyMatch(risk -> risk.epsilon() <= 0)) {
      return EPSILON_NOT_POSITIVE;
    }
    if (table.rows() == 1) {
      return "the grid holds no threshold besides never exit";
    }
    for (RiskLevel risk : risks) {
      Optional<String> shortfall =
          Planner.of(settings, risk.table()).shortfall(risk.epsilon(), table.samples());
      if (shortfall.isPresent()) {
        return shortfall.get();
      }
    }
    double lambda = table.lambdas()[1];
    return switch (settings.method().family()) {
      case NAIVE -> text("no power: the mean loss at lambda %s is %.4g", lambda, means[0][1]);
      case CRC ->
          text(
              "no power: the mean loss at lambda %s is %.4g, above (n + 1) / n epsilon - bound / n",
              lambda, means[0][1]);
      case UCB ->
          text(
              "no power: the upper bound of the risk at lambda %s is %.4g, not below epsilon",
              lambda, acceptance.upperBounds()[1]);
      case LTT -> noneRejected(settings, table, acceptance.pValues());
    };
  }

  private static String noneRejected(Settings settings, LossTable table, double[] pValues) {
    int row = 1;
    for (int k = 2; k < pValues.length && settings.fwer() != Fwer.FIXED_SEQUENCE; k++) {
      row = pValues[k] < pValues[row] ? k : row;
    }
    return text(
        "no power: the p-value at lambda %s is %.4g, above delta%s",
        table.lambdas()[row],
        pValues[row],
        settings.fwer() == Fwer.FIXED_SEQUENCE ? "" : " as " + settings.fwer().id() + " shares it");
  }

  static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
