/**
 * Losses of an early output against the full model's, one number for each sample: what a loss table
 * is made of. "Gap" means loss(early, label) - loss(full, label) and needs labels; "consistency"
 * takes the full model's output for the truth and needs none (arXiv 2405.20915). Each is 0 where
 * the early output is the full one. 0-1 losses of predictions are in {@link
 * dev.offramp.calibrate.Risk}.
 */
package dev.offramp.calibrate.loss;
