package dev.offramp.runtime.validate;

import dev.offramp.calibrate.Calibrator;
import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.LossTable;
import dev.offramp.calibrate.Method;
import dev.offramp.calibrate.Planner;
import dev.offramp.calibrate.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * What calibration methods do on repeated splits of one loss table: each is calibrated on a split's
 * calibration samples and its risk measured on the others.
 *
 * @param outcomes one for each method and epsilon, in the order asked for
 * @param choices one for each trial, epsilon and method, in this order
 */
public record Validation(List<Outcome> outcomes, List<Choice> choices) {

  /**
   * What to try.
   *
   * @param fwer for the methods that test
   * @param seed draws the halves of {@link Fwer#SPLIT}
   * @param publishedRule naive and crc choose as the published code does, see {@link
   *     Calibrator#selectLastAnywhere}
   * @throws dev.offramp.calibrate.CalibrationException if an epsilon, delta or fwer is out of place
   */
  public record Plan(
      List<Method> methods,
      Fwer fwer,
      double[] epsilons,
      double delta,
      long seed,
      boolean publishedRule) {
    public Plan {
      boolean tested = methods.stream().anyMatch(Method::tests);
      for (Method method : methods) {
        for (double epsilon : epsilons) {
          new Settings(method, tested ? of(method, fwer) : fwer, epsilon, delta, seed);
        }
      }
    }

    /** The smallest epsilon that a method can certify with n samples of {@code table}. */
    public double epsilonMin(Method method, int n, LossTable table) {
      return new Planner(method, of(method, fwer), delta, table.rows(), table.bound(), 0)
          .epsilonMin(n);
    }

    /** Whether the code published with arXiv 2405.20915 chooses otherwise by this method. */
    public static boolean hasPublishedRule(Method method) {
      return method == Method.NAIVE || method == Method.CRC;
    }

    private int select(LossTable calibration, Method method, double epsilon) {
      Settings settings = new Settings(method, of(method, fwer), epsilon, delta, seed);
      return publishedRule && hasPublishedRule(method)
          ? Calibrator.selectLastAnywhere(calibration, settings)
          : Calibrator.select(calibration, settings);
    }

    private static Fwer of(Method method, Fwer fwer) {
      return method.tests() ? fwer : Fwer.FIXED_SEQUENCE;
    }
  }

  /**
   * A method at one epsilon over all trials.
   *
   * @param meanTestRisk mean over the trials of the risk on the test samples
   * @param stdTestRisk its standard deviation over the trials (n - 1 in the denominator); NaN for
   *     one trial
   * @param meanDepth mean over the trials of the chosen row's depth; NaN where depths are unknown
   * @param gain 1 - meanDepth / depth of row 0; NaN where depths are unknown
   * @param violationRate share of trials whose test risk is above epsilon
   */
  public record Outcome(
      Method method,
      double epsilon,
      double delta,
      int calibrationSize,
      int trials,
      double meanTestRisk,
      double stdTestRisk,
      double meanDepth,
      double gain,
      double violationRate) {}

  /** What one trial chose. */
  public record Choice(int trial, double epsilon, Method method, int row, double testRisk) {}

  /**
   * Runs all trials, on all processors.
   *
   * @param table losses of all samples; test risk is their plain mean, negative ones included
   * @param depths shape [K], depth of each row, or null where unknown
   * @param splits at least one, all with as many calibration samples
   * @param done called with the number of trials finished
   */
  public static Validation run(
      LossTable table, double[] depths, List<Split> splits, Plan plan, IntConsumer done) {
    Choice[][] ofTrial = new Choice[splits.size()][];
    AtomicInteger finished = new AtomicInteger();
    IntStream.range(0, ofTrial.length)
        .parallel()
        .forEach(t -> {
          ofTrial[t] = trial(table, splits.get(t), plan);
          done.accept(finished.incrementAndGet());
        });
    List<Outcome> outcomes = new ArrayList<>();
    int methods = plan.methods().size();
    for (int m = 0; m < methods; m++) {
      for (int e = 0; e < plan.epsilons().length; e++) {
        int place = e * methods + m;
        Choice[] choices = Arrays.stream(ofTrial).map(trial -> trial[place]).toArray(Choice[]::new);
        outcomes.add(
            outcome(choices, depths, plan.delta(), splits.getFirst().calibration().length));
      }
    }
    return new Validation(outcomes, Arrays.stream(ofTrial).flatMap(Arrays::stream).toList());
  }

  private static Choice[] trial(LossTable table, Split split, Plan plan) {
    LossTable calibration =
        new LossTable(
            table.lambdas(),
            Arrays.stream(table.losses())
                .map(row -> IntStream.of(split.calibration()).mapToDouble(i -> row[i]).toArray())
                .toArray(double[][]::new),
            table.bound());
    double[] testRisk = new double[table.rows()];
    Arrays.fill(testRisk, Double.NaN);
    List<Choice> choices = new ArrayList<>();
    for (double epsilon : plan.epsilons()) {
      for (Method method : plan.methods()) {
        int row = plan.select(calibration, method, epsilon);
        if (Double.isNaN(testRisk[row])) {
          double[] losses = table.losses()[row];
          testRisk[row] =
              IntStream.of(split.test()).mapToDouble(i -> losses[i]).average().orElseThrow();
        }
        choices.add(new Choice(split.trial(), epsilon, method, row, testRisk[row]));
      }
    }
    return choices.toArray(Choice[]::new);
  }

  private static Outcome outcome(Choice[] choices, double[] depths, double delta, int size) {
    int trials = choices.length;
    double mean = Arrays.stream(choices).mapToDouble(Choice::testRisk).average().orElseThrow();
    double squares =
        Arrays.stream(choices).mapToDouble(choice -> Math.pow(choice.testRisk() - mean, 2)).sum();
    // Of the layers saved rather than of those run: no rounding where nothing is saved.
    double saved =
        depths == null
            ? Double.NaN
            : Arrays.stream(choices)
                .mapToDouble(choice -> depths[0] - depths[choice.row()])
                .average()
                .orElseThrow();
    double epsilon = choices[0].epsilon();
    long violations = Arrays.stream(choices).filter(choice -> choice.testRisk() > epsilon).count();
    return new Outcome(
        choices[0].method(),
        epsilon,
        delta,
        size,
        trials,
        mean,
        Math.sqrt(squares / (trials - 1)),
        depths == null ? Double.NaN : depths[0] - saved,
        depths == null ? Double.NaN : saved / depths[0],
        (double) violations / trials);
  }

  /** The outcomes as CSV, a line each, under a header. */
  public String table() {
    StringBuilder csv =
        new StringBuilder(
            "method,epsilon,delta,calibration_size,trials,mean_test_risk,std_test_risk,mean_depth,"
                + "gain,violation_rate\n");
    for (Outcome o : outcomes) {
      csv.append(o.method().id())
          .append(
              "," + o.epsilon() + "," + o.delta() + "," + o.calibrationSize() + "," + o.trials())
          .append("," + o.meanTestRisk() + "," + o.stdTestRisk() + "," + o.meanDepth())
          .append("," + o.gain() + "," + o.violationRate() + "\n");
    }
    return csv.toString();
  }

  /** The choices as CSV, a line each, under a header. */
  public String perTrial() {
    StringBuilder csv = new StringBuilder("trial,epsilon,method,row_index,test_risk\n");
    for (Choice c : choices) {
      csv.append(c.trial() + "," + c.epsilon() + "," + c.method().id())
          .append("," + c.row() + "," + c.testRisk() + "\n");
    }
    return csv.toString();
  }
}
