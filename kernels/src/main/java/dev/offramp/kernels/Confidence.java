package dev.offramp.kernels;

/** Scores of an exit head in [0, 1]; larger means surer. NaN logits give a NaN score. */
public enum Confidence {
  /** Largest softmax probability. */
  TOP1,
  /** Difference of the two largest softmax probabilities. */
  MARGIN,
  /** 1 - H(p) / log C, H the entropy in nats and C the number of classes. */
  ENTROPY
}
