package dev.offramp.runtime.attach;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Multinomial logistic regression with L2, fitted by L-BFGS, stopped early by a validation part on
 * which a temperature is then fitted as well. One call uses one thread and no shared state, so that
 * heads fitted in parallel are bitwise the same as one after the other.
 */
public final class SoftmaxRegression {
  // Features carry rounding errors of about 1e-6 of their size, other ones on each device. Of a
  // feature that varies by hardly more, such as the largest value of a dimension in which one token
  // always stands out, a head would learn the rounding.
  private static final double CONSTANT = 1e-4;

  private final float[] features; // (n, d)
  private final int width; // d
  private final Targets targets;
  private final Options options;

  private float[] mean; // (d), of the training part
  private float[] scale; // (d), one over the standard deviation; 0 for a feature taken as constant

  private SoftmaxRegression(float[] features, int width, Targets targets, Options options) {
    this.features = features;
    this.width = width;
    this.targets = targets;
    this.options = options;
  }

  /**
   * How to train.
   *
   * @param l2 weight of half the squared norm of the weights of standardised features
   * @param validationShare share of the samples held out, in (0, 1)
   * @param maxIterations most steps
   * @param patience steps without a lower validation loss before stopping
   * @param seed decides which samples are held out
   */
  public record Options(
      double l2, double validationShare, int maxIterations, int patience, long seed) {
    public Options {
      if (!(l2 >= 0) || !(validationShare > 0 && validationShare < 1)) {
        throw new IllegalArgumentException(
            "L2 must not be negative and the validation share in (0, 1), not %s and %s"
                .formatted(l2, validationShare));
      }
      if (maxIterations < 1 || patience < 1) {
        throw new IllegalArgumentException("iterations and patience must be at least 1");
      }
    }

    /** L2 as found best by held-out loss on BANKING77 with MiniLM features, among 0 to 1e-2. */
    public static Options of(long seed) {
      return new Options(3e-3, 0.1, 200, 10, seed);
    }
  }

  /**
   * Fits a head.
   *
   * @param features shape [n][width], row after row
   * @param targets one distribution for each sample
   * @throws IllegalArgumentException if there are fewer than 2 samples, the shapes disagree or a
   *     feature is NaN or infinite
   */
  public static TrainedHead fit(float[] features, int width, Targets targets, Options options) {
    int samples = targets.samples();
    if (samples < 2) {
      throw new IllegalArgumentException("training needs at least 2 samples, not " + samples);
    }
    if (width < 1 || features.length != (long) samples * width) {
      throw new IllegalArgumentException(
          "%d features are not %d for each of %d samples"
              .formatted(features.length, width, samples));
    }
    for (int k = 0; k < features.length; k++) {
      if (!Float.isFinite(features[k])) {
        throw new IllegalArgumentException(
            "feature %d of sample %d is %s".formatted(k % width, k / width, features[k]));
      }
    }
    return new SoftmaxRegression(features, width, targets, options).fit();
  }

  private TrainedHead fit() {
    List<Integer> training = new ArrayList<>();
    List<Integer> heldOut = new ArrayList<>();
    split(training, heldOut);
    List<Integer> validation = heldOut.isEmpty() ? training : heldOut;
    standardise(training);

    float[][] validationTargets = targetsOf(validation);
    SoftmaxObjective objective =
        new SoftmaxObjective(rows(training), targetsOf(training), options.l2());
    SoftmaxObjective held = new SoftmaxObjective(rows(validation), validationTargets, 0);
    Best best = new Best(held, options.patience());
    Lbfgs.minimise(objective, new float[objective.parameters()], options.maxIterations(), best);

    float[][] logits = held.logits(best.parameters);
    double temperature = Temperature.fit(logits, validationTargets);
    float[][] weight = new float[targets.classes()][width];
    float[] bias = new float[targets.classes()];
    fold(best.parameters, temperature, weight, bias);
    return new TrainedHead(
        weight,
        bias,
        heldOut.size(),
        Temperature.crossEntropy(logits, validationTargets, temperature),
        agreement(logits, validationTargets));
  }

  /** Keeps the parameters of the lowest validation loss. */
  private static final class Best implements Lbfgs.Listener {
    private final SoftmaxObjective validation;
    private final int patience;
    private double loss;
    private float[] parameters;
    private int iteration;

    Best(SoftmaxObjective validation, int patience) {
      this.validation = validation;
      this.patience = patience;
      parameters = new float[validation.parameters()];
      loss = validation.evaluate(parameters, null);
    }

    @Override
    public boolean goOn(int now, float[] current) {
      double currentLoss = validation.evaluate(current, null);
      if (currentLoss < loss) {
        loss = currentLoss;
        parameters = current.clone();
        iteration = now;
      }
      return now - iteration < patience;
    }
  }

  /** Holds out a share of each class, by the target's likeliest; every class keeps one sample. */
  private void split(List<Integer> training, List<Integer> heldOut) {
    SplittableRandom random = new SplittableRandom(options.seed());
    long[] key = random.longs(targets.samples()).toArray();
    int[] order =
        IntStream.range(0, targets.samples())
            .boxed()
            .sorted(Comparator.<Integer>comparingInt(targets::top).thenComparingLong(i -> key[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double share = options.validationShare();
    for (int k = 0; k < order.length; k++) {
      boolean firstOfClass = k == 0 || targets.top(order[k]) != targets.top(order[k - 1]);
      boolean due = Math.floor((k + 1) * share) > Math.floor(k * share);
      (due && !firstOfClass ? heldOut : training).add(order[k]);
    }
  }

  private void standardise(List<Integer> samples) {
    double[] sum = new double[width];
    double[] squares = new double[width];
    for (int i : samples) {
      for (int j = 0; j < width; j++) {
        sum[j] += features[i * width + j];
      }
    }
    for (int i : samples) {
      for (int j = 0; j < width; j++) {
        double centred = features[i * width + j] - sum[j] / samples.size();
        squares[j] += centred * centred;
      }
    }
    mean = new float[width];
    scale = new float[width];
    double typical = Math.sqrt(Arrays.stream(squares).sum() / samples.size() / width);
    for (int j = 0; j < width; j++) {
      mean[j] = (float) (sum[j] / samples.size());
      double deviation = Math.sqrt(squares[j] / samples.size());
      double least = CONSTANT * Math.max(Math.abs(mean[j]), typical);
      scale[j] = deviation > least ? (float) (1 / deviation) : 0;
    }
  }

  /** Standardised features with the constant 1 at the end; shape [samples][d + 1]. */
  private float[][] rows(List<Integer> samples) {
    float[][] rows = new float[samples.size()][width + 1];
    for (int r = 0; r < rows.length; r++) {
      int start = samples.get(r) * width;
      for (int j = 0; j < width; j++) {
        rows[r][j] = (features[start + j] - mean[j]) * scale[j];
      }
      rows[r][width] = 1;
    }
    return rows;
  }

  private float[][] targetsOf(List<Integer> samples) {
    return samples.stream().map(i -> targets.distribution()[i]).toArray(float[][]::new);
  }

  private void fold(float[] parameters, double temperature, float[][] weight, float[] bias) {
    for (int c = 0; c < bias.length; c++) {
      int start = c * (width + 1);
      double shift = parameters[start + width];
      for (int j = 0; j < width; j++) {
        double raw = (double) parameters[start + j] * scale[j];
        weight[c][j] = (float) (raw / temperature);
        shift -= raw * mean[j];
      }
      bias[c] = (float) (shift / temperature);
    }
  }

  private static double agreement(float[][] logits, float[][] targets) {
    int equal = 0;
    for (int i = 0; i < logits.length; i++) {
      equal += Targets.argMax(logits[i]) == Targets.argMax(targets[i]) ? 1 : 0;
    }
    return equal / (double) logits.length;
  }
}
