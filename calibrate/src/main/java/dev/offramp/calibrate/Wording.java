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
            .map(risk -> level(risk.risk(), risk.epsilon()))
            .collect(Collectors.joining(" and at most "));
    return switch (settings.method().promise()) {
      case NONE ->
          "No guarantee: only on the calibration samples is the mean loss at most " + levels + ".";
      case EXPECTATION -> {
        int notMonotone =
            settings.method() == Method.CRC_SAMPLEWISE
                ? 0
                : risks.stream()
                    .mapToInt(risk -> ConformalRiskControl.samplesNotMonotone(risk.table()))
                    .max()
                    .orElseThrow();
        String condition =
            settings.method() == Method.CRC_SAMPLEWISE
                ? ""
                : ", provided that no sample's loss ever falls towards eager thresholds (none of"
                    + " these does)";
        yield notMonotone == 0
            ? onAverage(samples, levels, condition)
            : notProven(samples, notMonotone);
      }
      case HIGH_PROBABILITY ->
          exceptWithProbability(settings, samples, "lambda " + table.lambdas()[row], levels);
    };
  }

  /** A level with the name of its risk, if it has one: the losses of a file have none. */
  static String level(String risk, double epsilon) {
    return risk.isEmpty() ? Double.toString(epsilon) : epsilon + " (" + risk + ")";
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

  private static String onAverage(int samples, String levels, String condition) {
    return text(
        "On average over draws of %d calibration samples, the expected loss on new samples of the"
            + " same kind at the threshold so chosen is at most %s%s; for a single draw, such as"
            + " this one, it may be more.",
        samples, levels, condition);
  }

  private static String notProven(int samples, int notMonotone) {
    return text(
        "Not proven: the loss of %d of the %d calibration samples falls somewhere towards eager"
            + " thresholds, where the theorem of conformal risk control asks that no sample's loss"
            + " ever does; crc-samplewise has the guarantee.",
        notMonotone, samples);
  }

  /** Why no row was accepted. */
  static String noneAccepted(Settings settings, List<RiskLevel> risks, Acceptance acceptance) {
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
      case NAIVE, CRC -> {
        Method method = settings.method();
        int failed = 0;
        double mean = Acceptance.means(table, method)[1];
        while (mean <= Acceptance.limit(risks.get(failed), method)) {
          mean = Acceptance.means(risks.get(++failed).table(), method)[1];
        }
        yield text(
            "no power: the mean loss%s at lambda %s is %.4g, above %s",
            of(risks, failed),
            lambda,
            mean,
            method == Method.NAIVE ? "epsilon" : "(n + 1) / n epsilon - bound / n");
      }
      case UCB ->
          text(
              "no power: at lambda %s the upper bound of %s, not below epsilon",
              lambda,
              risks.stream()
                  .filter(risk -> !UpperBounds.accepts(risk, UpperBounds.bound(risk, 1, settings)))
                  .map(risk ->
                      text(
                          "%s is %.4g",
                          risks.size() == 1 ? "the risk" : risk.risk(),
                          UpperBounds.bound(risk, 1, settings)))
                  .collect(Collectors.joining(" and that of ")));
      case LTT -> noneRejected(settings, table, acceptance.pValues());
    };
  }

  /** " of NAME" where there are several risks. */
  private static String of(List<RiskLevel> risks, int index) {
    return risks.size() == 1 ? "" : " of " + risks.get(index).risk();
  }

  private static String noneRejected(Settings settings, LossTable table, double[] pValues) {
    int best = 1;
    for (int k = 2; k < pValues.length; k++) {
      best = pValues[k] < pValues[best] ? k : best;
    }
    return switch (settings.fwer()) {
      case FIXED_SEQUENCE ->
          text(
              "no power: the p-value at lambda %s is %.4g, above delta",
              table.lambdas()[1], pValues[1]);
      case BONFERRONI, HOLM, GRAPHICAL ->
          text(
              "no power: the smallest p-value, at lambda %s, is %.4g, above delta as %s shares it",
              table.lambdas()[best], pValues[best], settings.fwer().id());
      case MULTI_START -> "no power: no starting point's p-value is within its share of delta";
      case SPLIT ->
          "no power: the threshold most certain on the ordering half is above delta on the other";
    };
  }

  static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
