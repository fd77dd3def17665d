package dev.offramp.calibrate;

import dev.offramp.calibrate.fwer.Bonferroni;
import dev.offramp.calibrate.fwer.FixedSequence;
import dev.offramp.calibrate.fwer.Graphical;
import dev.offramp.calibrate.fwer.Holm;
import dev.offramp.calibrate.fwer.MultiStart;
import java.util.BitSet;

/**
 * How Learn then Test (arXiv 2110.01052) keeps the probability of accepting any unsafe row within
 * delta while it tests many.
 */
public enum Fwer implements Named {
  /** From never exit towards eager, each at delta, up to the first that fails. */
  FIXED_SEQUENCE("fixed-sequence") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return FixedSequence.reject(pValues, delta);
    }

    @Override
    double firstLevel(double delta, int hypotheses) {
      return delta;
    }
  },

  /** Each row at delta / (K - 1). */
  BONFERRONI("bonferroni") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return Bonferroni.reject(pValues, delta);
    }
  },

  /** Step-down Bonferroni. */
  HOLM("holm") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return Holm.reject(pValues, delta);
    }
  },

  /** Fixed sequences from up to {@link #STARTS} starting points. */
  MULTI_START("multi-start") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return MultiStart.reject(pValues, delta, STARTS);
    }

    @Override
    double firstLevel(double delta, int hypotheses) {
      return delta / Math.min(STARTS, hypotheses);
    }
  },

  /** The fallback graph: equal shares of delta, handed on to the next row. */
  GRAPHICAL("graphical") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return Graphical.fallback(pValues, delta);
    }
  },

  /**
   * Half of the samples, drawn by seed, put the rows in order of their p-values there; the other
   * half tests them in this order as a fixed sequence.
   */
  SPLIT("split") {
    @Override
    BitSet reject(double[] pValues, double delta) {
      return FixedSequence.reject(pValues, delta);
    }

    @Override
    double firstLevel(double delta, int hypotheses) {
      return delta;
    }

    @Override
    int testSize(int samples) {
      return samples - samples / 2;
    }
  };

  /** Starting points of {@link #MULTI_START}. */
  public static final int STARTS = 4;

  private final String id;

  Fwer(String id) {
    this.id = id;
  }

  /** The name used on the command line and in certificates. */
  @Override
  public String id() {
    return id;
  }

  /**
   * Rejected hypotheses.
   *
   * @param pValues shape [m], in testing order, without row 0 of the grid
   */
  abstract BitSet reject(double[] pValues, double delta);

  /** The level of the first test, the hardest to pass. */
  double firstLevel(double delta, int hypotheses) {
    return delta / hypotheses;
  }

  /** How many of the samples the tests may use. */
  int testSize(int samples) {
    return samples;
  }

  /**
   * @throws CalibrationException if there is no procedure of this name
   */
  public static Fwer of(String id) {
    return Named.of("fwer", id, values());
  }
}
