package dev.offramp.runtime.demo;

import dev.offramp.calibrate.Calibration;
import dev.offramp.calibrate.LossTable;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.Exit;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.report.BarChart;
import dev.offramp.runtime.report.HtmlReport;
import dev.offramp.runtime.report.LineChart;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What the demo found, as a table for the terminal and as a page with figures. */
public final class DemoReport {
  private DemoReport() {}

  /** The closing table: full depth beside early exit. */
  public static String table(Demo.Result result) {
    StringBuilder text = new StringBuilder();
    text.append("%-28s %12s %12s%n".formatted("", "full depth", "early exit"));
    for (List<String> row : comparison(result)) {
      text.append("%-28s %12s %12s%n".formatted(row.get(0), row.get(1), row.get(2)));
    }
    Calibration calibration = result.calibration();
    text.append(
        "%nspeed-up %.2fx (%s); the saved operations allow %.2fx%n"
            .formatted(result.speedup(), result.spreadOfSpeedup(), result.idealSpeedup()));
    text.append(
        "risk     %.4f on %d held-out %s, epsilon %s, delta %s (%s, lambda %s)%n"
            .formatted(
                result.heldOutRisk(),
                result.early().size(),
                result.data().noun(),
                calibration.epsilon(),
                calibration.delta(),
                calibration.method().id(),
                calibration.lambda()));
    text.append(calibration.guarantee()).append('\n');
    if (calibration.fallback()) {
      text.append("No certified threshold: ").append(calibration.reason()).append('\n');
    }
    return text.toString();
  }

  /** Writes the page. */
  public static void write(Path file, Demo.Result result, DeviceInfo device) {
    Calibration calibration = result.calibration();
    String noun = result.data().noun();
    HtmlReport page = new HtmlReport("Offramp demo: early exits with a guarantee");
    page.paragraph(calibration.guarantee())
        .paragraph(
            "The task: %s, out of %d: %s."
                .formatted(
                    result.data().question(),
                    result.config().labels().size(),
                    String.join(", ", result.config().labels())))
        .paragraph(
            "Measured on %s (%s), %d threads, Java %s; batches of %d."
                .formatted(
                    device.id(),
                    device.description(),
                    device.computeUnits(),
                    Runtime.version(),
                    result.batch()))
        .section("Full depth beside early exit")
        .table(List.of("on held-out " + noun, "full depth", "early exit"), comparison(result))
        .paragraph(
            ("Speed-up %.2f (%s), measured side by side in one process; the saved operations allow"
                    + " %.2f.")
                .formatted(result.speedup(), result.spreadOfSpeedup(), result.idealSpeedup()))
        .section("Risk against lambda")
        .figure(
            riskChart(result),
            ("Share of %s answered otherwise than by the full model. Lambda was chosen on the"
                    + " calibration part alone; the ring is the certified threshold on the test"
                    + " part.")
                .formatted(noun))
        .section("Where %s leave".formatted(noun))
        .figure(
            exitChart(result),
            "Share of the test %s that left after each layer at the certified threshold."
                .formatted(noun))
        .section("Accuracy and time of each exit")
        .figure(accuracyChart(result), "Accuracy if all test %s took that exit.".formatted(noun))
        .figure(timeChart(result), "Time for each if all test %s took that exit.".formatted(noun))
        .table(
            List.of("exit", "after layer", "accuracy", "agrees with full", "ms each", "left here"),
            exits(result))
        .write(file);
  }

  private static List<List<String>> comparison(Demo.Result result) {
    Timing full = result.timings().get(0);
    Timing early = result.timings().get(1);
    return List.of(
        row("accuracy", percent(result.fullDepthAccuracy()), percent(result.accuracy())),
        row("differs from the full model", percent(0), percent(result.heldOutRisk())),
        row(
            "mean depth (layers)",
            "%.2f".formatted((double) result.config().architecture().layers()),
            "%.2f".formatted(result.depth().meanLayers())),
        row(
            result.data().noun() + " a second",
            "%.0f".formatted(full.medianSamplesPerSecond()),
            "%.0f".formatted(early.medianSamplesPerSecond())),
        row(
            "batch latency, median (ms)",
            "%.1f".formatted(full.percentileMillis(0.5)),
            "%.1f".formatted(early.percentileMillis(0.5))));
  }

  private static LineChart riskChart(Demo.Result result) {
    Calibration calibration = result.calibration();
    LossTable test =
        LossTable.of(
            result.certificate().risk(),
            result.testTable(),
            result.testLabels(),
            calibration.grid());
    double[] testRisk = IntStream.range(0, test.rows()).mapToDouble(test::risk).toArray();
    return new LineChart(
            "lambda",
            "risk",
            List.of(
                new LineChart.Series(
                    "calibration", calibration.grid(), calibration.empiricalRisk()),
                new LineChart.Series("test", calibration.grid(), testRisk)))
        .withMark("certified", calibration.lambda(), testRisk[calibration.rowIndex()])
        .withLevel("epsilon", calibration.epsilon());
  }

  private static BarChart exitChart(Demo.Result result) {
    double[] shares =
        Arrays.stream(result.exitHistogram())
            .mapToDouble(count -> 100.0 * count / result.early().size())
            .toArray();
    return new BarChart(
        "exit after layer",
        "% of " + result.data().noun(),
        layers(result),
        List.of(new BarChart.Series("left here", shares)));
  }

  private static BarChart accuracyChart(Demo.Result result) {
    double[] accuracy =
        IntStream.range(0, layers(result).size())
            .mapToDouble(exit -> 100 * result.accuracyOfExit(exit))
            .toArray();
    return new BarChart(
        "exit after layer",
        "accuracy, %",
        layers(result),
        List.of(new BarChart.Series("accuracy", accuracy)));
  }

  private static BarChart timeChart(Demo.Result result) {
    double[] millis =
        IntStream.range(0, layers(result).size())
            .mapToDouble(exit -> millis(result, exit))
            .toArray();
    return new BarChart(
            "exit after layer",
            "ms each",
            layers(result),
            List.of(new BarChart.Series("time", millis)))
        .withLevel("early exit", 1000 / result.timings().get(1).medianSamplesPerSecond());
  }

  private static List<List<String>> exits(Demo.Result result) {
    int[] histogram = result.exitHistogram();
    int[][] predictions = result.testTable().prediction();
    int[] full = predictions[predictions.length - 1];
    List<List<String>> rows = new ArrayList<>();
    for (int e = 0; e < histogram.length; e++) {
      int[] ofExit = predictions[e];
      long agree = IntStream.range(0, full.length).filter(i -> ofExit[i] == full[i]).count();
      rows.add(
          List.of(
              Integer.toString(e),
              Integer.toString(result.config().exits().get(e).afterLayer()),
              percent(result.accuracyOfExit(e)),
              percent((double) agree / full.length),
              "%.3f".formatted(millis(result, e)),
              Integer.toString(histogram[e])));
    }
    return rows;
  }

  private static double millis(Demo.Result result, int exit) {
    return 1000 / result.exitTimings().get(exit).medianSamplesPerSecond();
  }

  private static List<String> layers(Demo.Result result) {
    return result.config().exits().stream().map(Exit::afterLayer).map(String::valueOf).toList();
  }

  private static List<String> row(String name, String full, String early) {
    return List.of(name, full, early);
  }

  private static String percent(double share) {
    return "%.1f %%".formatted(100 * share);
  }
}
