/**
 * Upper confidence bounds for the mean of bounded losses, and the p-values that belong to them: the
 * p-value at level alpha is below delta exactly where the bound at delta is below alpha, up to
 * rounding. A p-value speaks about the hypothesis "the mean loss is at least alpha". All of them
 * hold for any number of independent losses of one distribution; none is asymptotic.
 */
package dev.offramp.calibrate.bound;
