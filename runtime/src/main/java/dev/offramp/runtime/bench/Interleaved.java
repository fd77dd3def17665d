package dev.offramp.runtime.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times modes side by side: every round runs each mode for a slice of time on the same batches, one
 * after the other, so that whatever else happens on the machine meets all of them alike. Latencies
 * are of batches run one at a time; for the throughput a mode may overlap them.
 */
public final class Interleaved {
  private static final int WARM_UP_CALLS = 16;
  private static final double WARM_UP_SECONDS = 1.0;

  private Interleaved() {}

  /**
   * What one mode showed.
   *
   * @param samplesPerSecond of each round
   * @param batchMillis latency of every batch of every round, ascending
   */
  public record Timing(String mode, double[] samplesPerSecond, double[] batchMillis) {
    public double medianSamplesPerSecond() {
      return median(samplesPerSecond);
    }

    /** Latency that a share {@code p} of the batches stayed within, in milliseconds. */
    public double percentileMillis(double p) {
      int rank = (int) Math.ceil(p * batchMillis.length) - 1;
      return batchMillis[Math.clamp(rank, 0, batchMillis.length - 1)];
    }
  }

  /**
   * Times the modes.
   *
   * @param batches the inputs, in batches; every mode runs whole passes over them
   * @param rounds number of rounds, odd for a clean median
   * @param sliceSeconds least time a mode gets in a round
   */
  public static List<Timing> time(
      List<Mode> modes, List<List<int[]>> batches, int rounds, double sliceSeconds) {
    int samples = batches.stream().mapToInt(List::size).sum();
    for (Mode mode : modes) {
      warmUp(mode, batches);
    }
    double[][] rates = new double[modes.size()][rounds];
    List<List<Double>> latencies = new ArrayList<>();
    modes.forEach(mode -> latencies.add(new ArrayList<>()));
    for (int round = 0; round < rounds; round++) {
      for (int m = 0; m < modes.size(); m++) {
        Mode mode = modes.get(m);
        for (List<int[]> batch : batches) {
          latencies.get(m).add(1e3 * mode.time(batch));
        }
        double seconds = 0;
        int passes = 0;
        do {
          seconds += mode.timeAll(batches);
          passes++;
        } while (seconds < sliceSeconds);
        rates[m][round] = passes * samples / seconds;
      }
    }
    List<Timing> timings = new ArrayList<>();
    for (int m = 0; m < modes.size(); m++) {
      double[] millis =
          latencies.get(m).stream().mapToDouble(Double::doubleValue).sorted().toArray();
      timings.add(new Timing(modes.get(m).name(), rates[m], millis));
    }
    return timings;
  }

  /** Median over the rounds of one mode's rate divided by another's in the same round. */
  public static double ratio(Timing one, Timing other) {
    double[] ratios = new double[one.samplesPerSecond().length];
    for (int r = 0; r < ratios.length; r++) {
      ratios[r] = one.samplesPerSecond()[r] / other.samplesPerSecond()[r];
    }
    return median(ratios);
  }

  private static void warmUp(Mode mode, List<List<int[]>> batches) {
    long start = System.nanoTime();
    for (int call = 0;
        call < WARM_UP_CALLS || (System.nanoTime() - start) / 1e9 < WARM_UP_SECONDS;
        call++) {
      mode.run(batches.get(call % batches.size()));
    }
    mode.timeAll(batches);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
