package dev.offramp.kernels;

/** How the positions of a row become one vector. Padding never takes part. */
public enum Pooling {
  /** Mean over the row's valid positions. */
  MEAN,
  /** The first position. */
  FIRST,
  /** Largest value of each feature over the row's valid positions. */
  MAX
}
