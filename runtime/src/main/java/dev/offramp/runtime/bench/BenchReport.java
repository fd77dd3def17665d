package dev.offramp.runtime.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.offramp.runtime.report.BarChart;
import dev.offramp.runtime.report.Chart;
import dev.offramp.runtime.report.HtmlReport;
import dev.offramp.runtime.report.LineChart;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A page with figures of what the JSON document of a bench says. */
public final class BenchReport {
  private final JsonObject document;
  private final List<JsonObject> cases;
  private final HtmlReport page;

  private BenchReport(JsonObject document) {
    this.document = document;
    cases =
        document.getAsJsonArray("cases").asList().stream()
            .map(JsonElement::getAsJsonObject)
            .toList();
    page = new HtmlReport("Offramp bench: " + text(document, "scenario"));
  }

  /**
   * @param document as printed by {@code --json}
   */
  public static HtmlReport of(JsonObject document, Scenario scenario) {
    BenchReport report = new BenchReport(document);
    report.page.paragraph(
        "%s on %s (%s), %s threads, %s; input %s; %s."
            .formatted(
                text(document, "model"),
                text(document, "device"),
                text(document, "machine"),
                text(document, "threads"),
                text(document, "precision"),
                document.getAsJsonArray("input").asList().stream()
                    .map(JsonElement::getAsString)
                    .collect(Collectors.joining(", ")),
                Interleaved.rounds(document.get("rounds").getAsInt())));
    switch (scenario) {
      case Offline _ -> report.offline();
      case SingleStream _ -> report.singleStream();
      case Server _ -> report.server();
    }
    report.table(scenario);
    return report.page;
  }

  private void offline() {
    page.section("Throughput by batch")
        .figure(
            byBatch("samplesPerSecond", "samples/s"), "Median over the rounds; more is better.");
    page.section("Batch size by depth");
    ofMode(BatchMode.EARLY_EXIT)
        .forEach(early -> {
          if (early.get("batch").getAsInt() > 1) {
            page.figure(
                rowsRunning(early),
                ("A batch of its own: rows of a batch of %s that still run after so many layers,"
                        + " mean of the batches, 10th and 90th percentile. Without compaction all"
                        + " run on until the last has left. The scheduler's steps: mean rows of a"
                        + " step of the layers from there on, filled by rows of later batches.")
                    .formatted(text(early, "batch")));
          }
        });
    page.section("Latency of a batch");
    byBatch()
        .forEach((batch, lines) ->
            page.figure(
                latencies(lines, List.of("p50", "p99")),
                "Batches of %d, run one at a time; all rounds together.".formatted(batch)));
  }

  private void singleStream() {
    page.section("Latency of a row")
        .figure(
            latencies(cases, List.of("p50", "p90", "p99")),
            "One row at a time, the next when the last is answered; all rounds together.");
  }

  private void server() {
    page.section("Rate that is answered in time")
        .figure(
            byBatch("rate", "rows/s"),
            "The largest rate of Poisson arrivals whose 99th percentile was within the limit;"
                + " median over the rounds; more is better.");
    page.section("Latency at that rate");
    byBatch()
        .forEach((batch, lines) -> {
          // A mode that kept the limit at no rate has no latencies there.
          List<JsonObject> kept =
              lines.stream().filter(line -> !line.get("p99Millis").isJsonNull()).toList();
          if (!kept.isEmpty()) {
            page.figure(
                latencies(kept, List.of("p50", "p90", "p99"))
                    .withLevel("limit", kept.getFirst().get("limitMillis").getAsDouble()),
                "Up to %d rows a batch; from the time a row was due; medians over the rounds."
                    .formatted(batch));
          }
        });
  }

  private void table(Scenario scenario) {
    List<Column> columns = scenario.columns();
    page.section("All numbers")
        .table(
            columns.stream().map(Column::title).toList(),
            cases.stream()
                .map(line -> columns.stream().map(column -> column.cell(line)).toList())
                .toList())
        .paragraph(scenario.footnote());
    if (document.has("leftOut")) {
      document
          .getAsJsonObject("leftOut")
          .asMap()
          .forEach((batch, modes) ->
              modes
                  .getAsJsonObject()
                  .asMap()
                  .forEach((mode, reason) ->
                      page.paragraph(
                          "Not at %s: %s: %s".formatted(batch, mode, reason.getAsString()))));
    }
  }

  /** Lines over the sizes of batches, or bars where there is one size only. */
  private Chart byBatch(String field, String label) {
    if (byBatch().size() == 1) {
      return new BarChart(
          "mode", label, modes(cases), List.of(new BarChart.Series(label, values(cases, field))));
    }
    List<LineChart.Series> series = new ArrayList<>();
    for (String mode : modes(cases).stream().distinct().toList()) {
      List<JsonObject> lines = ofMode(mode);
      series.add(new LineChart.Series(mode, values(lines, "batch"), values(lines, field)));
    }
    return new LineChart("rows a batch", label, series);
  }

  private LineChart rowsRunning(JsonObject line) {
    double batch = line.get("batch").getAsDouble();
    // All rows run from the start.
    double[] layers = after(0, document.getAsJsonArray("exitsAfterLayer"));
    double[] steps =
        line.getAsJsonArray("stepRows").asList().stream()
            .mapToDouble(rows -> rows.isJsonNull() ? Double.NaN : rows.getAsDouble())
            .toArray();
    return new LineChart(
        "layers",
        "rows running",
        List.of(
            new LineChart.Series(
                "a batch of its own", layers, after(batch, line.getAsJsonArray("rowsRunning"))),
            new LineChart.Series(
                "10th", layers, after(batch, line.getAsJsonArray("rowsRunningLow"))),
            new LineChart.Series(
                "90th", layers, after(batch, line.getAsJsonArray("rowsRunningHigh"))),
            // A stage begins where the exit before it is, the first with no layers run.
            new LineChart.Series(
                "the scheduler's steps", Arrays.copyOf(layers, steps.length), steps)));
  }

  private static double[] after(double first, JsonArray rest) {
    double[] values = new double[rest.size() + 1];
    Arrays.setAll(values, i -> i == 0 ? first : rest.get(i - 1).getAsDouble());
    return values;
  }

  private static BarChart latencies(List<JsonObject> lines, List<String> percentiles) {
    return new BarChart(
        "mode",
        "ms",
        modes(lines),
        percentiles.stream()
            .map(p -> new BarChart.Series(p, values(lines, p + "Millis")))
            .toList());
  }

  private Map<Integer, List<JsonObject>> byBatch() {
    return cases.stream()
        .collect(
            Collectors.groupingBy(
                line -> line.get("batch").getAsInt(), LinkedHashMap::new, Collectors.toList()));
  }

  private List<JsonObject> ofMode(String mode) {
    return cases.stream().filter(line -> text(line, "mode").equals(mode)).toList();
  }

  private static List<String> modes(List<JsonObject> lines) {
    return lines.stream().map(line -> text(line, "mode")).toList();
  }

  private static double[] values(List<JsonObject> lines, String field) {
    return lines.stream().mapToDouble(line -> line.get(field).getAsDouble()).toArray();
  }

  private static String text(JsonObject of, String field) {
    return of.get(field).isJsonPrimitive() ? of.get(field).getAsString() : of.get(field).toString();
  }
}
