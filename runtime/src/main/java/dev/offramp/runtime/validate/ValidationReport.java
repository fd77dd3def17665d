package dev.offramp.runtime.validate;

import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Promise;
import dev.offramp.runtime.report.HtmlReport;
import dev.offramp.runtime.report.LineChart;
import dev.offramp.runtime.validate.Validation.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** A page with the curves that the figures of arXiv 2405.20915 show: risk and gain by epsilon. */
public final class ValidationReport {
  private ValidationReport() {}

  /**
   * @param source what was calibrated on, in a few words
   */
  public static HtmlReport of(Validation validation, String source) {
    List<Outcome> outcomes = validation.outcomes();
    Outcome first = outcomes.getFirst();
    HtmlReport page = new HtmlReport("Offramp validation: risk and gain by epsilon");
    page.paragraph(
            text(
                "%s: in each of %d trials the methods chose a threshold on %d calibration samples;"
                    + " risk was measured on all the others. delta %s.",
                source, first.trials(), first.calibrationSize(), first.delta()))
        .section("Risk")
        .figure(
            chart("mean test risk", outcomes, Outcome::meanTestRisk, true),
            "Mean over the trials. A method that keeps its promise on average stays below the line"
                + " risk = epsilon.")
        .figure(
            chart("violation rate", outcomes, Outcome::violationRate, false)
                .withLevel("delta", first.delta()),
            "Share of the trials whose test risk was above epsilon. "
                + promises(outcomes)
                + " The test samples are finite, so their own noise is in it.");
    if (!Double.isNaN(first.gain())) {
      page.section("Depth")
          .figure(
              chart("gain", outcomes, Outcome::gain, false),
              "Share of the depth saved, 1 - mean depth / depth of never exiting.")
          .figure(
              chart("mean depth", outcomes, Outcome::meanDepth, false), "Mean depth of a sample.");
    }
    return page.section("All numbers").table(header(), rows(outcomes));
  }

  private static String promises(List<Outcome> outcomes) {
    List<String> kept =
        methods(outcomes).stream()
            .filter(method -> method.promise() == Promise.HIGH_PROBABILITY)
            .map(Method::id)
            .toList();
    return kept.isEmpty()
        ? "None of the methods promises to keep it within delta."
        : String.join(", ", kept)
            + ": promised to be at most delta; the others promise nothing of the kind.";
  }

  private static List<Method> methods(List<Outcome> outcomes) {
    return outcomes.stream().map(Outcome::method).distinct().toList();
  }

  private static LineChart chart(
      String name, List<Outcome> outcomes, ToDoubleFunction<Outcome> value, boolean diagonal) {
    List<LineChart.Series> series = new ArrayList<>();
    double[] epsilons = outcomes.stream().mapToDouble(Outcome::epsilon).distinct().toArray();
    for (Method method : methods(outcomes)) {
      double[] values =
          outcomes.stream().filter(o -> o.method() == method).mapToDouble(value).toArray();
      series.add(new LineChart.Series(method.id(), epsilons, values));
    }
    if (diagonal) {
      series.add(new LineChart.Series("risk = epsilon", epsilons, epsilons));
    }
    return new LineChart("epsilon", name, series);
  }

  private static List<String> header() {
    return List.of(
        "method", "epsilon", "mean risk", "std of risk", "mean depth", "gain", "violations");
  }

  private static List<List<String>> rows(List<Outcome> outcomes) {
    return outcomes.stream()
        .map(o ->
            List.of(
                o.method().id(),
                Double.toString(o.epsilon()),
                text("%.4f", o.meanTestRisk()),
                orDash("%.4f", o.stdTestRisk()),
                orDash("%.2f", o.meanDepth()),
                orDash("%.1f %%", 100 * o.gain()),
                text("%.1f %%", 100 * o.violationRate())))
        .toList();
  }

  /** The same table for a terminal. */
  public static String table(Validation validation) {
    StringBuilder table = new StringBuilder();
    String format = "%-15s %8s %10s %11s %11s %8s %11s%n";
    table.append(text(format, header().toArray()));
    rows(validation.outcomes()).forEach(row -> table.append(text(format, row.toArray())));
    return table.toString();
  }

  private static String orDash(String format, double value) {
    return Double.isNaN(value) ? "-" : text(format, value);
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
