package dev.offramp.runtime.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.apache.commons.math3.util.ResizableDoubleArray;

/**
 * Times modes side by side: every round runs each mode for a slice of time on the same batches, one
 * after the other, so that whatever else happens on the machine meets all of them alike. Latencies
 * are of batches run one at a time; where a mode overlaps them for the throughput, they have a pass
 * of their own.
 */
public final class Interleaved {
  private static final int WARM_UP_CALLS = 16;

  /**
   * What is compiled late shows as allocations and as slow rounds for about this long. Where
   * figures do not matter, as in tests, the property says less, or 0 for no warm-up.
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
   * Warms the modes up and times them.
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
    modes.forEach(mode -> warmUp(mode, batches));
    return timeWarm(modes, batches, rounds, sliceSeconds, done);
  }

  /**
   * As {@link #time}, where such batches have been run alike already, one after the other: only
   * what runs them all together is warmed up.
   */
  public static List<Timing> timeWarm(
      List<Mode> modes,
      List<List<int[]>> batches,
      int rounds,
      double sliceSeconds,
      IntConsumer done) {
    modes.stream().filter(Mode::overlaps).forEach(mode -> warmUpTogether(mode, batches));
    int samples = batches.stream().mapToInt(List::size).sum();
    double[][] rates = new double[modes.size()][rounds];
    HeapUse[] heap = new HeapUse[modes.size()];
    Arrays.fill(heap, HeapUse.NONE);
    long[] timed = new long[modes.size()];
    List<ResizableDoubleArray> latencies = new ArrayList<>();
    modes.forEach(mode -> latencies.add(new ResizableDoubleArray()));
    double[] millis = new double[batches.size()];
    for (int round = 0; round < rounds; round++) {
      for (int m = 0; m < modes.size(); m++) {
        Mode mode = modes.get(m);
        if (mode.overlaps()) {
          oneByOne(mode, batches, millis);
          latencies.get(m).addElements(millis);
        }
        double seconds = 0;
        long passes = 0;
        do {
          HeapUse before = HeapUse.now();
          seconds += mode.overlaps() ? mode.timeAll(batches) : oneByOne(mode, batches, millis);
          heap[m] = heap[m].plus(HeapUse.now().since(before));
          if (!mode.overlaps()) {
            latencies.get(m).addElements(millis);
          }
          passes++;
        } while (seconds < sliceSeconds);
        timed[m] += passes * samples;
        rates[m][round] = passes * samples / seconds;
      }
      done.accept(round + 1);
    }
    List<Timing> timings = new ArrayList<>();
    for (int m = 0; m < modes.size(); m++) {
      double[] ascending = Quantiles.sorted(latencies.get(m).getElements());
      timings.add(new Timing(modes.get(m).name(), rates[m], ascending, heap[m], timed[m]));
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

  /**
   * Runs one batch after the other.
   *
   * @param millis receives what each took, shape [batches]
   * @return seconds they took together
   */
  private static double oneByOne(Mode mode, List<List<int[]>> batches, double[] millis) {
    double seconds = 0;
    for (int b = 0; b < millis.length; b++) {
      double one = mode.time(batches.get(b));
      millis[b] = 1e3 * one;
      seconds += one;
    }
    return seconds;
  }

  /**
   * Runs the mode until it is as fast as it gets, and every batch at least once where the mode does
   * not overlap them.
   */
  static void warmUp(Mode mode, List<List<int[]>> batches) {
    if (WARM_UP_SECONDS == 0) {
      return;
    }
    int calls = mode.overlaps() ? WARM_UP_CALLS : Math.max(WARM_UP_CALLS, batches.size());
    long start = System.nanoTime();
    for (int call = 0;
        call < calls || (System.nanoTime() - start) / 1e9 < WARM_UP_SECONDS;
        call++) {
      mode.run(batches.get(call % batches.size()));
    }
  }

  private static void warmUpTogether(Mode mode, List<List<int[]>> batches) {
    for (double seconds = 0; seconds < WARM_UP_SECONDS; ) {
      seconds += mode.timeAll(batches);
    }
  }
}
