package dev.offramp.calibrate.monitor;

import java.util.Random;
import java.util.stream.IntStream;

/**
 * How many audited samples after a drift the alarm comes, by simulation: the table of
 * docs/guarantees.md. Losses are 0 or 1, epsilon and delta 0.05; streams that raised the alarm
 * before the drift are left out.
 *
 * <pre>
 * DriftDelays [SEED]
 * </pre>
 */
public final class DriftDelays {
  private static final double LEVEL = 0.05;
  private static final int STREAMS = 20_000;

  /** Quiet samples and streams in all, so that long ones do not take hours. */
  private static final long MOST_QUIET = 400_000_000;

  private DriftDelays() {}

  public static void main(String[] arguments) {
    long seed = arguments.length > 0 ? Long.parseLong(arguments[0]) : System.nanoTime();
    System.out.println("seed " + seed);
    for (int quiet : new int[] {0, 1_000, 10_000, 100_000}) {
      int streams = (int) Math.min(STREAMS, MOST_QUIET / Math.max(1, quiet));
      StringBuilder row = new StringBuilder("| %,d |".formatted(quiet));
      int early = 0;
      for (double factor : new double[] {1.5, 2, 3, 6}) {
        long[] delays =
            IntStream.range(0, streams)
                .parallel()
                .mapToLong(i -> delay(quiet, factor * LEVEL, new Random(seed + i)))
                .filter(delay -> delay > 0)
                .sorted()
                .toArray();
        early += streams - delays.length;
        row.append(
            " %,d (%,d) |".formatted(delays[delays.length / 2], delays[delays.length * 9 / 10]));
      }
      System.out.printf("%s %,d streams, %.2f %% early%n", row, streams, 25.0 * early / streams);
    }
    long raised =
        IntStream.range(0, STREAMS)
            .parallel()
            .filter(i -> raised(10_000, LEVEL, new Random(seed + i)))
            .count();
    System.out.printf("at epsilon: %.2f %% of %,d%n", 100.0 * raised / STREAMS, STREAMS);
  }

  /** Losses from the drift to the alarm, or 0 if it came before. */
  private static long delay(int quiet, double risk, Random random) {
    DriftAlarm alarm = new DriftAlarm(LEVEL, 0, 1, LEVEL);
    while (!alarm.alarmed()) {
      double now = alarm.observed() < quiet ? LEVEL / 2 : risk;
      alarm.observe(random.nextDouble() < now ? 1 : 0);
    }
    return Math.max(0, alarm.alarmedAt() - quiet);
  }

  private static boolean raised(int samples, double risk, Random random) {
    DriftAlarm alarm = new DriftAlarm(LEVEL, 0, 1, LEVEL);
    return IntStream.range(0, samples)
        .anyMatch(i -> alarm.observe(random.nextDouble() < risk ? 1 : 0));
  }
}
