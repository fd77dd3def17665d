package dev.offramp.calibrate.bound;

import java.util.function.DoubleUnaryOperator;
import org.apache.commons.math3.analysis.solvers.AllowedSolution;
import org.apache.commons.math3.analysis.solvers.BracketingNthOrderBrentSolver;

/** Where a monotone function crosses zero. */
final class Root {
  private static final double RELATIVE_ACCURACY = 1e-12;
  private static final double ABSOLUTE_ACCURACY = Double.MIN_NORMAL;
  private static final double VALUE_ACCURACY = 1e-15;
  private static final int MAXIMAL_ORDER = 5;

  private Root() {}

  /**
   * The crossing in [low, high] of a continuous function that is of opposite signs at the ends
   * (infinite is fine: the solver bisects away from it), never below the true one by more than
   * rounding: an upper bound may err upwards only.
   */
  static double between(double low, double high, DoubleUnaryOperator function) {
    BracketingNthOrderBrentSolver solver =
        new BracketingNthOrderBrentSolver(
            RELATIVE_ACCURACY, ABSOLUTE_ACCURACY, VALUE_ACCURACY, MAXIMAL_ORDER);
    return solver.solve(
        Integer.MAX_VALUE, function::applyAsDouble, low, high, AllowedSolution.RIGHT_SIDE);
  }

  /**
   * The crossing in [low, 1] of a continuous function that falls from above 0 at low, or 1 where it
   * never does; it is not asked at 1.
   */
  static double inUnitInterval(double low, DoubleUnaryOperator function) {
    double high = Math.nextDown(1.0);
    return function.applyAsDouble(high) >= 0 ? 1 : between(low, high, function);
  }
}
