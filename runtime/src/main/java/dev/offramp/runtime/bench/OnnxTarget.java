package dev.offramp.runtime.bench;

/** What ONNX Runtime computes on. */
public sealed interface OnnxTarget {
  /**
   * The machine's processor.
   *
   * @param threads within an operator
   */
  record Processor(int threads) implements OnnxTarget {}

  /**
   * A card, by the CUDA execution provider.
   *
   * @param number of the card as CUDA counts, from 0
   * @param tf32 whether products of F32 may be rounded to TF32
   */
  record Card(int number, boolean tf32) implements OnnxTarget {}
}
