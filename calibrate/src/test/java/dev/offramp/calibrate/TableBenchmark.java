package dev.offramp.calibrate;

import dev.offramp.calibrate.bound.Betting;
import dev.offramp.calibrate.bound.Binomial;
import dev.offramp.calibrate.bound.Hoeffding;
import dev.offramp.calibrate.bound.HoeffdingBentkus;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * How long a table of 10,000 samples x 1,000 thresholds takes through every bound and p-value on
 * one thread, the median of several runs, and through every calibration method on all cores, the
 * first run of each. Not a test: run it with {@code mvn -pl calibrate test-compile
 * exec:exec@table-benchmark}.
 */
public final class TableBenchmark {
  private static final int SAMPLES = 10_000;
  private static final int ROWS = 1_000;
  private static final int WARM_UP = 2;
  private static final int RUNS = 5;
  private static final double EPSILON = 0.1;
  private static final double DELTA = 0.1;

  private TableBenchmark() {}

  public static void main(String[] arguments) {
    double[][] binary = new double[ROWS][SAMPLES];
    double[][] continuous = new double[ROWS][SAMPLES];
    SplittableRandom random = new SplittableRandom(1);
    for (int k = 0; k < ROWS; k++) {
      double risk = 0.3 * k / ROWS;
      for (int i = 0; i < SAMPLES; i++) {
        binary[k][i] = random.nextDouble() < risk ? 1 : 0;
        continuous[k][i] = Math.min(0.2 * random.nextGaussian() + risk, 1);
      }
    }
    Arrays.fill(binary[0], 0);
    Arrays.fill(continuous[0], 0);
    methods(binary, continuous);
    paretoTesting();
    System.out.printf("%,d samples x %,d rows, one thread%n", SAMPLES, ROWS);
    print("Hoeffding p-value", binary, x -> Hoeffding.pValue(sum(x), SAMPLES, EPSILON));
    print("Hoeffding bound", binary, x -> Hoeffding.upperBound(mean(x), SAMPLES, DELTA, 1));
    print("Hoeffding-Bentkus p-value", binary, x -> hoeffdingBentkus(sum(x)));
    print(
        "Hoeffding-Bentkus bound",
        binary,
        x -> HoeffdingBentkus.upperBound(sum(x), SAMPLES, DELTA));
    print("binomial p-value", binary, x -> Binomial.pValue((int) sum(x), SAMPLES, EPSILON));
    print("binomial bound", binary, x -> Binomial.upperBound((int) sum(x), SAMPLES, DELTA));
    print("betting p-value, 0-1 losses", binary, x -> Betting.pValue(x, 1, DELTA, EPSILON));
    print("betting bound, 0-1 losses", binary, x -> Betting.upperBound(x, 1, DELTA));
    print("betting p-value, gap losses", continuous, x -> Betting.pValue(x, 1, DELTA, EPSILON));
    print("betting bound, gap losses", continuous, x -> Betting.upperBound(x, 1, DELTA));
  }

  /** Cold: no method has been run before, as when a user calibrates once. */
  private static void methods(double[][] binary, double[][] continuous) {
    System.out.printf(
        "%,d samples x %,d rows, %d cores, first runs%n",
        SAMPLES, ROWS, Runtime.getRuntime().availableProcessors());
    LossTable zeroOne = new LossTable(Grid.uniform(ROWS - 1), binary, 1);
    LossTable gap = new LossTable(Grid.uniform(ROWS - 1), continuous, 1);
    double total = 0;
    for (Method method : Method.values()) {
      for (Fwer fwer : method.tests() ? Fwer.values() : new Fwer[] {Fwer.FIXED_SEQUENCE}) {
        String name = method.id() + (method.tests() ? " " + fwer.id() : "");
        boolean binomial = method == Method.UCB_BINOMIAL || method == Method.LTT_BINOMIAL;
        long start = System.nanoTime();
        Calibration c =
            Calibrator.calibrate(
                binomial ? zeroOne : gap, new Settings(method, fwer, EPSILON, DELTA));
        double millis = (System.nanoTime() - start) / 1e6;
        total += millis;
        System.out.printf(Locale.ROOT, "%-28s %7.1f ms   (row %d)%n", name, millis, c.rowIndex());
      }
    }
    System.out.printf(Locale.ROOT, "%-28s %7.1f ms%n", "all methods and procedures", total);
  }

  /** Vectors of thresholds for a model of twelve exits. */
  private static void paretoTesting() {
    int exits = 12;
    int candidates = 2_000;
    SplittableRandom random = new SplittableRandom(2);
    float[][] confidence = new float[exits][SAMPLES];
    double[][] losses = new double[exits][SAMPLES];
    double[] cost = new double[exits];
    for (int exit = 0; exit < exits; exit++) {
      cost[exit] = exit + 1;
      for (int i = 0; i < SAMPLES; i++) {
        double chance = Math.pow(random.nextDouble(), 1.0 / (exit + 1));
        confidence[exit][i] = (float) chance;
        losses[exit][i] = exit + 1 < exits && random.nextDouble() > chance ? 1 : 0;
      }
    }
    ExitTable table = new ExitTable(confidence, new int[exits][SAMPLES]);
    long start = System.nanoTime();
    Calibration c =
        ParetoTesting.calibrate(
            "",
            table,
            losses,
            1,
            cost,
            candidates,
            new Settings(Method.LTT_HB, Fwer.SPLIT, EPSILON, DELTA));
    System.out.printf(
        Locale.ROOT,
        "%-28s %7.1f ms   (%,d candidates, %d exits, %d tested)%n",
        "Pareto testing",
        (System.nanoTime() - start) / 1e6,
        candidates,
        exits,
        c.vectors().length - 1);
  }

  private static double hoeffdingBentkus(double sum) {
    return HoeffdingBentkus.pValue(sum, SAMPLES, EPSILON);
  }

  private static void print(String name, double[][] losses, ToDoubleFunction<double[]> bound) {
    double[] millis = new double[RUNS];
    double checksum = 0;
    for (int run = -WARM_UP; run < RUNS; run++) {
      long start = System.nanoTime();
      checksum = Arrays.stream(losses).mapToDouble(bound).sum();
      if (run >= 0) {
        millis[run] = (System.nanoTime() - start) / 1e6;
      }
    }
    Arrays.sort(millis);
    System.out.printf(
        Locale.ROOT, "%-28s %7.1f ms   (mean %.6f)%n", name, millis[RUNS / 2], checksum / ROWS);
  }

  private static double sum(double[] losses) {
    return Arrays.stream(losses).sum();
  }

  private static double mean(double[] losses) {
    return sum(losses) / losses.length;
  }
}
