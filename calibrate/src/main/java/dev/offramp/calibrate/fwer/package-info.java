/**
 * Family-wise error control: p-values and delta in, rejected hypotheses out. The probability that
 * any true hypothesis is rejected is at most delta, whatever the dependence between the p-values. A
 * p-value equal to its level is rejected.
 */
package dev.offramp.calibrate.fwer;
