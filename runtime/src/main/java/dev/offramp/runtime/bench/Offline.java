package dev.offramp.runtime.bench;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.io.Console;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** All inputs are there at once: samples a second, in batches of one size. */
public record Offline(Setup setup) implements Scenario {
  private static final double SLICE_SECONDS = 0.25;
  private static final Gson JSON = new Gson();

  @Override
  public List<Column> columns() {
    List<Column> columns =
        new ArrayList<>(
            List.of(
                Column.BATCH,
                Column.MODE,
                Column.RATE,
                Column.P50,
                Column.P99,
                new Column("GFLOP/s", 8, "gflops", "%.1f", 1),
                new Column("peak", 5, "shareOfPeak", "%.0f%%", 100),
                Column.DEPTH,
                Column.RATIO,
                new Column("scheduler", 9, "schedulerEfficiency", "%.2f", 1),
                Column.BYTES));
    if (setup.ceilings() != null) {
      columns.add(new Column("of product", 10, "shareOfProductCeiling", "%.1f%%", 100));
      columns.add(new Column("of copy", 8, "shareOfCopyCeiling", "%.1f%%", 100));
    }
    return columns;
  }

  @Override
  public String footnote() {
    return "ratio: this mode's throughput over full depth's, median over the rounds. scheduler: the"
        + " ratio over the one that the saved operations allow.";
  }

  @Override
  public Measured measure(int batch) {
    List<List<int[]>> batches = setup.workload().batches(batch);
    try (Lineup lineup = Lineup.open(setup, batches, batch)) {
      Console.say("batches of %d: timing %s", batch, lineup.names());
      List<Timing> timings =
          Console.progress(
              "rounds",
              setup.rounds(),
              done ->
                  Interleaved.time(lineup.modes(), batches, setup.rounds(), SLICE_SECONDS, done));
      Map<String, Workload.Depth> depths = lineup.depths(batches, setup.thresholds());
      List<JsonObject> cases = new ArrayList<>();
      for (int m = 0; m < timings.size(); m++) {
        Timing timing = timings.get(m);
        Mode mode = lineup.modes().get(m);
        JsonObject line = line(batch, batches, mode, timing, timings, depths.get(mode.name()));
        if (mode instanceof BatchMode own && depths.containsKey(own.name())) {
          line.add("stepRows", numbers(own.stepRows()));
        }
        cases.add(line);
      }
      return new Measured(cases, ratios(timings), lineup.leftOut());
    }
  }

  /**
   * One case.
   *
   * @param depth what a mode with exits ran, null for one without
   */
  private JsonObject line(
      int batch,
      List<List<int[]>> batches,
      Mode mode,
      Timing timing,
      List<Timing> all,
      Workload.Depth depth) {
    ModelConfig config = setup.model().config();
    double fullFlops = Workload.fullFlops(config, batches);
    double rate = timing.medianSamplesPerSecond();
    double gflops = (depth == null ? fullFlops : depth.flopsPerSample()) * rate / 1e9;
    JsonObject line = new JsonObject();
    line.addProperty("batch", batch);
    line.addProperty("mode", timing.mode());
    line.addProperty("samplesPerSecond", rate);
    line.add(
        "samplesPerSecondSpread", JSON.toJsonTree(Quantiles.spread(timing.samplesPerSecond())));
    line.addProperty("p50Millis", timing.percentileMillis(0.5));
    line.addProperty("p99Millis", timing.percentileMillis(0.99));
    line.addProperty("gflops", gflops);
    line.addProperty("shareOfPeak", isHere(mode) ? gflops / setup.peakGflops() : null);
    line.addProperty("meanDepth", setup.meanLayers(depth));
    line.addProperty("ratio", ratio(timing, named(BatchMode.FULL_DEPTH, all)));
    Double speedUp =
        depth == null ? null : ratio(timing, named(fullDepthBeside(timing.mode()), all));
    line.addProperty(
        "schedulerEfficiency",
        speedUp == null ? null : speedUp / (fullFlops / depth.flopsPerSample()));
    timing.heap().addTo(line, timing.samples());
    if (depth != null) {
      line.add(
          "rowsRunning",
          running(depth, batchesOf -> Arrays.stream(batchesOf).average().orElseThrow()));
      line.add("rowsRunningLow", running(depth, batchesOf -> Quantiles.spread(batchesOf)[0]));
      line.add("rowsRunningHigh", running(depth, batchesOf -> Quantiles.spread(batchesOf)[1]));
    }
    if (setup.ceilings() != null) {
      boolean same = isWherePyTorchIs(mode);
      line.addProperty(
          "shareOfProductCeiling", same ? setup.ceilings().shareOfProduct(gflops) : null);
      line.addProperty(
          "shareOfCopyCeiling",
          same && depth == null
              ? setup.ceilings().shareOfCopy(config.architecture(), rate / batch)
              : null);
    }
    return line;
  }

  /** On the benched device: the peak of another one says nothing about the mode. */
  private boolean isHere(Mode mode) {
    return mode.runsOn(setup.device().info(), setup.processor());
  }

  /** PyTorch measures the ceilings, and may have to run elsewhere than on the benched device. */
  private boolean isWherePyTorchIs(Mode mode) {
    return mode instanceof PyTorchMode
        || isHere(mode)
            && setup.peers().stream().anyMatch(peer -> peer instanceof PyTorchMode && isHere(peer));
  }

  /** NaN becomes null. */
  private static JsonArray numbers(double[] values) {
    JsonArray numbers = new JsonArray();
    Arrays.stream(values).forEach(v -> numbers.add(Double.isNaN(v) ? null : v));
    return numbers;
  }

  private static JsonElement running(Workload.Depth depth, ToDoubleFunction<double[]> ofExit) {
    return JSON.toJsonTree(Arrays.stream(depth.running()).mapToDouble(ofExit).toArray());
  }

  /** Full depth by the same runtime on the same device. */
  private static String fullDepthBeside(String mode) {
    return switch (mode) {
      case OnnxSegmentedMode.NAME -> OnnxMode.FP32;
      default -> BatchMode.fullDepthBeside(mode);
    };
  }

  private static Timing named(String mode, List<Timing> timings) {
    return timings.stream().filter(t -> t.mode().equals(mode)).findFirst().orElse(null);
  }

  /** Null where full depth was not timed. */
  private static Double ratio(Timing timing, Timing full) {
    return full == null ? null : Interleaved.ratio(timing, full);
  }

  private static JsonObject ratios(List<Timing> timings) {
    JsonObject ratios = new JsonObject();
    Timing full = named(BatchMode.FULL_DEPTH, timings);
    for (Timing timing : timings) {
      if (full != null && timing != full) {
        ratios.addProperty(
            BatchMode.FULL_DEPTH + "/" + timing.mode(), Interleaved.ratio(full, timing));
      }
    }
    return ratios;
  }
}
