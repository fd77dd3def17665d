package dev.offramp.runtime.bench;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.offramp.runtime.engine.Scope;
import dev.offramp.runtime.io.Console;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** One row at a time, the next when the last is answered: the latency of a row. */
public record SingleStream(Setup setup) implements Scenario {
  private static final double SLICE_SECONDS = 0.25;
  private static final Gson JSON = new Gson();

  /**
   * What one mode showed.
   *
   * @param millis latency of every row, shape [rounds][rows], each round ascending
   */
  private record Latencies(String mode, double[][] millis, HeapUse heap) {
    /** That percentile of each round. */
    double[] ofRounds(double p) {
      return Arrays.stream(millis).mapToDouble(round -> Quantiles.of(round, p)).toArray();
    }

    /** All rounds together, ascending. */
    double[] all() {
      return Arrays.stream(millis).flatMapToDouble(Arrays::stream).sorted().toArray();
    }
  }

  @Override
  public List<Column> columns() {
    return List.of(
        Column.MODE, Column.P50, Column.P90, Column.P99, Column.DEPTH, Column.RATIO, Column.BYTES);
  }

  @Override
  public String footnote() {
    return "ratio: full depth's p90 over this mode's, median over the rounds. early-exit: by the"
        + " scheduler as an engine runs it, handing over and waking up included.";
  }

  @Override
  public Measured measure(int batch) {
    List<List<int[]>> rows = setup.workload().batches(batch);
    try (Lineup lineup = Lineup.open(setup, rows, batch);
        Scope services = new Scope()) {
      List<Mode> modes = lineup.modes().stream().map(mode -> embedded(mode, services)).toList();
      for (Mode mode : modes) {
        Interleaved.warmUp(mode, rows);
      }
      Console.say("one row at a time: timing %s", lineup.names());
      List<Latencies> latencies =
          Console.progress("rounds", setup.rounds(), done -> time(modes, rows, done));
      return measured(latencies, lineup.depths(rows, setup.thresholds()), lineup.leftOut());
    }
  }

  /** Early exit as an engine has it, its scheduler on a thread of its own; other modes as is. */
  static Mode embedded(Mode mode, Scope services) {
    return mode instanceof BatchMode early && early.name().equals(BatchMode.EARLY_EXIT)
        ? services.add(new ServedMode(early.serve(0)))
        : mode;
  }

  private List<Latencies> time(List<Mode> modes, List<List<int[]>> rows, IntConsumer done) {
    double[][][] millis = new double[modes.size()][setup.rounds()][];
    HeapUse[] heap = new HeapUse[modes.size()];
    Arrays.fill(heap, HeapUse.NONE);
    for (int round = 0; round < setup.rounds(); round++) {
      for (int m = 0; m < heap.length; m++) {
        HeapUse before = HeapUse.now();
        millis[m][round] = slice(modes.get(m), rows);
        heap[m] = heap[m].plus(HeapUse.now().since(before));
      }
      done.accept(round + 1);
    }
    return IntStream.range(0, heap.length)
        .mapToObj(m -> new Latencies(modes.get(m).name(), millis[m], heap[m]))
        .toList();
  }

  /** Whole passes over the rows; milliseconds, ascending. */
  private static double[] slice(Mode mode, List<List<int[]>> rows) {
    double[] millis = new double[rows.size()];
    double sum = 0;
    int n = 0;
    do {
      millis = Arrays.copyOf(millis, n + rows.size());
      for (List<int[]> row : rows) {
        millis[n] = 1e3 * mode.time(row);
        sum += millis[n++];
      }
    } while (sum < 1e3 * SLICE_SECONDS);
    Arrays.sort(millis);
    return millis;
  }

  private Measured measured(
      List<Latencies> latencies, Map<String, Workload.Depth> depths, JsonObject leftOut) {
    Latencies full =
        latencies.stream()
            .filter(mode -> mode.mode().equals(BatchMode.FULL_DEPTH))
            .findFirst()
            .orElse(null);
    List<JsonObject> cases = new ArrayList<>();
    JsonObject ratios = new JsonObject();
    for (Latencies mode : latencies) {
      double[] all = mode.all();
      Workload.Depth depth = depths.get(mode.mode());
      Double ratio = full == null ? null : Quantiles.ratio(full.ofRounds(0.9), mode.ofRounds(0.9));
      JsonObject line = new JsonObject();
      line.addProperty("batch", 1);
      line.addProperty("mode", mode.mode());
      line.addProperty("samples", all.length);
      line.addProperty("p50Millis", Quantiles.of(all, 0.5));
      line.addProperty("p90Millis", Quantiles.of(all, 0.9));
      line.addProperty("p99Millis", Quantiles.of(all, 0.99));
      line.add("p90Spread", JSON.toJsonTree(Quantiles.spread(mode.ofRounds(0.9))));
      line.addProperty("meanDepth", setup.meanLayers(depth));
      line.addProperty("ratio", ratio);
      mode.heap().addTo(line, all.length);
      cases.add(line);
      if (full != null && mode != full) {
        ratios.addProperty(BatchMode.FULL_DEPTH + "/" + mode.mode(), ratio);
      }
    }
    return new Measured(cases, ratios, leftOut);
  }
}
