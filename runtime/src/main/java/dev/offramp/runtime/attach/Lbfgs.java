package dev.offramp.runtime.attach;

/**
 * Limited-memory BFGS with a backtracking line search: Nocedal and Wright, Numerical Optimization,
 * algorithms 7.4 and 3.1. Needs no learning rate and draws no random numbers.
 */
final class Lbfgs {
  private static final int MEMORY = 10;
  private static final double ARMIJO = 1e-4;
  private static final int HALVINGS = 20;
  private static final double SMALL_GRADIENT = 1e-5;

  private final float[][] steps = new float[MEMORY][];
  private final float[][] changes = new float[MEMORY][];
  private final double[] curvature = new double[MEMORY];
  private int stored;

  private Lbfgs() {}

  interface Objective {
    /** Value at the parameters; writes the gradient unless it is null. */
    double evaluate(float[] parameters, float[] gradient);
  }

  interface Listener {
    /** Called after each step with the new parameters, which it must not keep; false stops. */
    boolean goOn(int iteration, float[] parameters);
  }

  /** Improves the parameters in place until a limit, the listener, or lack of progress stops it. */
  static void minimise(Objective objective, float[] parameters, int limit, Listener listener) {
    new Lbfgs().run(objective, parameters, limit, listener);
  }

  private void run(Objective objective, float[] x, int limit, Listener listener) {
    float[] gradient = new float[x.length];
    float[] nextGradient = new float[x.length];
    float[] next = new float[x.length];
    double value = objective.evaluate(x, gradient);
    for (int iteration = 1; iteration <= limit; iteration++) {
      double norm = Math.sqrt(dot(gradient, gradient));
      if (norm < SMALL_GRADIENT) {
        return;
      }
      float[] direction = direction(gradient);
      double descent = dot(direction, gradient);
      // Without curvature yet, a step of unit length.
      double step = stored == 0 ? 1 / norm : 1;
      double nextValue = Double.POSITIVE_INFINITY;
      for (int halving = 0; halving < HALVINGS; halving++, step /= 2) {
        for (int k = 0; k < x.length; k++) {
          next[k] = (float) (x[k] + step * direction[k]);
        }
        nextValue = objective.evaluate(next, nextGradient);
        if (nextValue <= value + ARMIJO * step * descent) {
          break;
        }
      }
      if (!(nextValue < value)) {
        return; // down to rounding
      }
      remember(x, next, gradient, nextGradient);
      System.arraycopy(next, 0, x, 0, x.length);
      System.arraycopy(nextGradient, 0, gradient, 0, x.length);
      value = nextValue;
      if (!listener.goOn(iteration, x)) {
        return;
      }
    }
  }

  private void remember(float[] x, float[] next, float[] gradient, float[] nextGradient) {
    float[] step = new float[x.length];
    float[] change = new float[x.length];
    for (int k = 0; k < x.length; k++) {
      step[k] = next[k] - x[k];
      change[k] = nextGradient[k] - gradient[k];
    }
    double product = dot(step, change);
    if (product > 0) {
      int slot = stored++ % MEMORY;
      steps[slot] = step;
      changes[slot] = change;
      curvature[slot] = product;
    }
  }

  /** Two-loop recursion: minus the approximate inverse Hessian times the gradient. */
  private float[] direction(float[] gradient) {
    float[] direction = new float[gradient.length];
    for (int k = 0; k < direction.length; k++) {
      direction[k] = -gradient[k];
    }
    double[] alpha = new double[MEMORY];
    int oldest = Math.max(0, stored - MEMORY);
    for (int m = stored - 1; m >= oldest; m--) {
      int slot = m % MEMORY;
      alpha[slot] = dot(steps[slot], direction) / curvature[slot];
      add(direction, -alpha[slot], changes[slot]);
    }
    if (stored > 0) {
      int newest = (stored - 1) % MEMORY;
      float scale = (float) (curvature[newest] / dot(changes[newest], changes[newest]));
      for (int k = 0; k < direction.length; k++) {
        direction[k] *= scale;
      }
    }
    for (int m = oldest; m < stored; m++) {
      int slot = m % MEMORY;
      double beta = dot(changes[slot], direction) / curvature[slot];
      add(direction, alpha[slot] - beta, steps[slot]);
    }
    return direction;
  }

  private static void add(float[] sum, double factor, float[] vector) {
    float f = (float) factor;
    for (int k = 0; k < sum.length; k++) {
      sum[k] += f * vector[k];
    }
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int k = 0; k < a.length; k++) {
      sum += (double) a[k] * b[k];
    }
    return sum;
  }
}
