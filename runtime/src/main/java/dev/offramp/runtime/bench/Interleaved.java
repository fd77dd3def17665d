package dev.offramp.runtime.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Times modes side by side: every round runs each mode for a slice of time on the same batches, one
 * after the other, so that whatever else happens on the machine meets all of them alike. Latencies
 * are of batches run one at a time; for the throughput a mode may overlap them.
 */
public final class Interleaved {
  private static final int WARM_UP_CALLS = 16;

  /**
   * What is compiled late shows as allocations and as slow rounds for about this long. Tests, to
   * which figures do not matter, set the property.
   */
  private static final double WARM_UP_SECONDS =
      Double.parseDouble(System.getProperty("offramp.warmUpSeconds", "1"));

  private Interleaved() {}

  /**
   * What one mode showed.
   *
   * @param samplesPerSecond of each round
   * @param batchMillis latency of every batch of every round, ascending
   * @param heap what the slices of all rounds that the throughput is of allocated
   * @param samples rows in these slices
   */
  public record Timing(
      String mode, double[] samplesPerSecond, double[] batchMillis, HeapUse heap, long samples) {
    public double medianSamplesPerSecond() {
      return Quantiles.median(samplesPerSecond);
    }

    /** Latency that a share {@code p} of the batches stayed within, in milliseconds. */
    public double percentileMillis(double p) {
      return Quantiles.of(batchMillis, p);
    }
  }

  /**
   * Times the modes.
   *
   * @param batches the inputs, in batches; every mode runs whole passes over them
   * @param rounds number of rounds, odd for a clean median
   * @param sliceSeconds least time a mode gets in a round
   * @param done called with the number of rounds finished
   */
  public static List<Timing> time(
      List<Mode> modes,
      List<List<int[]>> batches,
      int rounds,
      double sliceSeconds,
      IntConsumer done) {
    int samples = batches.stream().mapToInt(List::size).sum();
    for (Mode mode : modes) {
      warmUp(mode, batches);
    }
    double[][] rates = new double[modes.size()][rounds];
    HeapUse[] heap = new HeapUse[modes.size()];
    Arrays.fill(heap, HeapUse.NONE);
    long[] timed = new long[modes.size()];
    List<List<Double>> latencies = new ArrayList<>();
    modes.forEach(mode -> latencies.add(new ArrayList<>()));
    for (int round = 0; round < rounds; round++) {
      for (int m = 0; m < modes.size(); m++) {
        Mode mode = modes.get(m);
        for (List<int[]> batch : batches) {
          latencies.get(m).add(1e3 * mode.time(batch));
        }
        double seconds = 0;
        long passes = 0;
        HeapUse before = HeapUse.now();
        do {
          seconds += mode.timeAll(batches);
          passes++;
        } while (seconds < sliceSeconds);
        heap[m] = heap[m].plus(HeapUse.now().since(before));
        timed[m] += passes * samples;
        rates[m][round] = passes * samples / seconds;
      }
      done.accept(round + 1);
    }
    List<Timing> timings = new ArrayList<>();
    for (int m = 0; m < modes.size(); m++) {
      double[] millis =
          latencies.get(m).stream().mapToDouble(Double::doubleValue).sorted().toArray();
      timings.add(new Timing(modes.get(m).name(), rates[m], millis, heap[m], timed[m]));
    }
    return timings;
  }

  /** Median over the rounds of one mode's rate divided by another's in the same round. */
  public static double ratio(Timing one, Timing other) {
    return Quantiles.ratio(one.samplesPerSecond(), other.samplesPerSecond());
  }

  /** What {@link #ratio} is, and the least and the largest ratio of a round, for people. */
  public static String spread(Timing one, Timing other) {
    double[] ratios =
        Quantiles.sorted(Quantiles.ratios(one.samplesPerSecond(), other.samplesPerSecond()));
    return ratios.length == 1
        ? "of one round"
        : "median of the ratios within %s, %.2f to %.2f"
            .formatted(rounds(ratios.length), ratios[0], ratios[ratios.length - 1]);
  }

  /** A number of rounds, for people. */
  public static String rounds(int rounds) {
    return rounds == 1 ? "1 round" : rounds + " rounds";
  }

  /** Runs the mode until it is as fast as it gets, and every batch at least once. */
  static void warmUp(Mode mode, List<List<int[]>> batches) {
    long start = System.nanoTime();
    for (int call = 0;
        call < WARM_UP_CALLS || (System.nanoTime() - start) / 1e9 < WARM_UP_SECONDS;
        call++) {
      mode.run(batches.get(call % batches.size()));
    }
    for (double seconds = 0; seconds < WARM_UP_SECONDS; ) {
      seconds += mode.timeAll(batches);
    }
  }
}
