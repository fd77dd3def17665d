package dev.offramp.runtime.bench;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.bench.OpenLoop.Probe;
import dev.offramp.runtime.io.Console;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;

/** Rows arrive as they please: the largest rate at which 99 % are answered in time. */
public record Server(Setup setup, Load load) implements Scenario {
  private static final int OFFLINE_ROUNDS = 3;
  private static final double OFFLINE_SECONDS = 0.25;

  /** A probe's 99th percentile shall rest on some requests. */
  private static final int LEAST_REQUESTS = 300;

  private static final double NANOS_A_MILLI = 1e6;
  private static final double FIRST_STEP = 1.25;

  /** Later rounds begin with what the round before found. */
  private static final double NEXT_STEP = 1.1;

  private static final Gson JSON = new Gson();

  /**
   * How a load is made.
   *
   * @param limitMillis 99th percentile of the latency that is still in time
   * @param probeSeconds least length of a try at one rate
   * @param maxWaitMillis how long a row waits for others at each stage, by the scheduler
   * @param seed of the arrivals
   */
  public record Load(double limitMillis, double probeSeconds, double maxWaitMillis, long seed) {}

  /**
   * What one mode showed.
   *
   * @param best of each round, the probe at the largest rate; nothing where no rate was in time
   * @param probes tried, all rounds together
   */
  private record Found(String mode, double offlineRate, List<Optional<Probe>> best, int probes) {
    double[] rates() {
      return best.stream().mapToDouble(probe -> probe.map(Probe::rate).orElse(0.0)).toArray();
    }

    /** Median over the rounds, or null where no round has one. */
    Double median(ToDoubleFunction<Probe> value) {
      double[] values = best.stream().flatMap(Optional::stream).mapToDouble(value).toArray();
      return values.length == 0 ? null : Quantiles.median(values);
    }

    /** What the probes of {@code best} allocated together, and for how many requests. */
    void addHeap(JsonObject line) {
      HeapUse heap =
          best.stream()
              .flatMap(Optional::stream)
              .map(Probe::heap)
              .reduce(HeapUse.NONE, HeapUse::plus);
      long requests =
          best.stream().flatMap(Optional::stream).mapToLong(p -> p.millis().length).sum();
      heap.addTo(line, requests);
    }

    Found with(Optional<Probe> round, int tried) {
      List<Optional<Probe>> rounds = new ArrayList<>(best);
      rounds.add(round);
      return new Found(mode, offlineRate, rounds, probes + tried);
    }
  }

  @Override
  public List<Column> columns() {
    return List.of(
        Column.BATCH,
        Column.MODE,
        new Column("rows/s", 9, "rate", "%.1f", 1),
        new Column("spread", 15, "rateSpread", "%.1f", 1),
        Column.P50,
        Column.P90,
        Column.P99,
        new Column("late ms", 8, "lateMillis", "%.2f", 1),
        Column.DEPTH,
        Column.RATIO,
        Column.BYTES);
  }

  @Override
  public String footnote() {
    return ("rows/s: the largest rate of Poisson arrivals whose p99 was within %s ms, found to %.0f %%;"
            + " median and spread (10th to 90th percentile) of %s. p50, p90, p99: at that rate, from"
            + " the time a row was due. late: by how much 99 %% of the rows were sent late at most, which"
            + " is in the latencies. ratio: this rate over full depth's. B/sample: allocated on"
            + " the Java heap at that rate.")
        .formatted(
            load.limitMillis(),
            100 * (RateSearch.PRECISION - 1),
            Interleaved.rounds(setup.rounds()));
  }

  @Override
  public Measured measure(int batch) {
    List<List<int[]>> batches = setup.workload().batches(batch);
    List<int[]> rows = batches.stream().flatMap(List::stream).toList();
    try (Lineup lineup = Lineup.open(setup, batches, batch)) {
      Console.say("up to %d rows a batch: timing %s offline", batch, lineup.names());
      List<Timing> offline =
          Interleaved.time(lineup.modes(), batches, OFFLINE_ROUNDS, OFFLINE_SECONDS, done -> {});
      List<Found> found = new ArrayList<>();
      for (Timing timing : offline) {
        found.add(new Found(timing.mode(), timing.medianSamplesPerSecond(), List.of(), 0));
      }
      for (int round = 0; round < setup.rounds(); round++) {
        for (int m = 0; m < found.size(); m++) {
          found.set(m, look(round, found.get(m), lineup.modes().get(m), rows, batch));
        }
      }
      return measured(batch, found, lineup.depths(batches, setup.thresholds()), lineup.leftOut());
    }
  }

  /** One round of one mode. */
  private Found look(int round, Found sofar, Mode mode, List<int[]> rows, int batch) {
    OpenLoop loop = new OpenLoop(rows, load.limitMillis());
    Double before = sofar.median(Probe::rate);
    AtomicInteger tries = new AtomicInteger();
    Optional<Probe> best;
    try (Service service = serve(mode, batch)) {
      best =
          RateSearch.search(
              before == null ? sofar.offlineRate() : before,
              before == null ? FIRST_STEP : NEXT_STEP,
              rate -> {
                tries.incrementAndGet();
                int requests =
                    Math.max(LEAST_REQUESTS, (int) Math.ceil(rate * load.probeSeconds()));
                return loop.probe(service, rate, requests, load.seed() + round);
              });
    }
    Console.say(
        "up to %d rows a batch, round %d of %d: %s: %s after %d tries",
        batch,
        round + 1,
        setup.rounds(),
        mode.name(),
        best.map(probe ->
                "%.1f rows/s, p99 %.1f ms".formatted(probe.rate(), probe.percentileMillis(0.99)))
            .orElse("no rate keeps the limit"),
        tries.get());
    return sofar.with(best, tries.get());
  }

  /**
   * Exits by the scheduler; all others by a queue, where a row that is run alone comes back alone.
   */
  private Service serve(Mode mode, int batch) {
    if (mode instanceof BatchMode early && early.name().equals(BatchMode.EARLY_EXIT)) {
      return early.serve((long) (NANOS_A_MILLI * load.maxWaitMillis()));
    }
    int most = mode.name().equals(BaselineMode.BATCH_1) ? 1 : batch;
    return new QueuedService(mode.name(), most, mode::runOnce);
  }

  private Measured measured(
      int batch, List<Found> found, Map<String, Workload.Depth> depths, JsonObject leftOut) {
    double[] full =
        found.stream()
            .filter(mode -> mode.mode().equals(BatchMode.FULL_DEPTH))
            .map(mode -> mode.rates())
            .findFirst()
            .orElse(null);
    List<JsonObject> cases = new ArrayList<>();
    JsonObject ratios = new JsonObject();
    for (Found mode : found) {
      double[] rates = mode.rates();
      double[] spread = Quantiles.spread(rates);
      Workload.Depth depth = depths.get(mode.mode());
      JsonObject line = new JsonObject();
      line.addProperty("batch", batch);
      line.addProperty("mode", mode.mode());
      line.addProperty("rate", Quantiles.median(rates));
      line.add("rateSpread", JSON.toJsonTree(spread));
      line.addProperty("p50Millis", mode.median(probe -> probe.percentileMillis(0.5)));
      line.addProperty("p90Millis", mode.median(probe -> probe.percentileMillis(0.9)));
      line.addProperty("p99Millis", mode.median(probe -> probe.percentileMillis(0.99)));
      line.addProperty("limitMillis", load.limitMillis());
      line.addProperty("lateMillis", mode.median(Probe::lateMillis));
      line.addProperty("offlineSamplesPerSecond", mode.offlineRate());
      line.addProperty("probes", mode.probes());
      line.addProperty("meanDepth", setup.meanLayers(depth));
      line.addProperty("ratio", ratio(rates, full));
      mode.addHeap(line);
      cases.add(line);
      if (full != null && !mode.mode().equals(BatchMode.FULL_DEPTH)) {
        ratios.addProperty(BatchMode.FULL_DEPTH + "/" + mode.mode(), ratio(full, rates));
      }
    }
    return new Measured(cases, ratios, leftOut);
  }

  /** Null where one of them was not measured, or kept the limit at no rate. */
  private static Double ratio(double[] one, double[] other) {
    return one == null || other == null || Arrays.stream(other).anyMatch(rate -> rate == 0)
        ? null
        : Quantiles.ratio(one, other);
  }
}
