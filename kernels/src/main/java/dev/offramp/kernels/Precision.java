package dev.offramp.kernels;

/** Which numbers a device computes with. Sums are always taken in F32 at least. */
public enum Precision {
  /** Weights, activations and products in F32. */
  F32(DataType.F32),
  /** Weights and activations in F32, factors of matrix products rounded to TF32 (10 bits). */
  TF32(DataType.F32),
  /** Weights and activations in F16, sums in F32. Exit heads stay in F32. */
  F16(DataType.F16);

  private final DataType activations;

  Precision(DataType activations) {
    this.activations = activations;
  }

  /** Element type of activation buffers. */
  public DataType activations() {
    return activations;
  }
}
