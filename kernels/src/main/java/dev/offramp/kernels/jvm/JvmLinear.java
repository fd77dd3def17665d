package dev.offramp.kernels.jvm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Linear;
import java.lang.foreign.MemorySegment;

/**
 * Weights packed for the GEMM: blocks of {@link #BLOCK} inputs, in each panels of outputs, in each
 * one line of outputs per input: [inputs / BLOCK][outputs / panel][BLOCK][panel]. The last panel is
 * as narrow as full vectors allow.
 */
final class JvmLinear implements Linear {
  /** Inputs of a block: a panel of it stays in the second-level cache. */
  static final int BLOCK = 384;

  final Memory memory;
  private final int inputs;
  private final int outputs;
  private final int panelWidth;
  private final int paddedOutputs;
  private float[] packed; // (inputs * paddedOutputs)
  private float[] bias; // (paddedOutputs)

  JvmLinear(
      Memory memory,
      InnerLoops loops,
      int inputs,
      int outputs,
      MemorySegment weight,
      DataType type,
      MemorySegment bias) {
    this.memory = memory;
    this.inputs = inputs;
    this.outputs = outputs;
    panelWidth = loops.panelVectors() * loops.lanes();
    paddedOutputs = loops.padded(outputs);
    this.bias = new float[paddedOutputs];
    if (bias != null) {
      MemorySegment.copy(bias, JAVA_FLOAT_UNALIGNED, 0, this.bias, 0, outputs);
    }
    packed = new float[inputs * paddedOutputs];
    pack(weight, type);
    memory.add(bytes());
  }

  /** Elements of the packed weights. */
  static long elements(InnerLoops loops, int inputs, int outputs) {
    return (long) inputs * loops.padded(outputs);
  }

  private void pack(MemorySegment weight, DataType type) {
    float[] row = new float[inputs];
    for (int output = 0; output < outputs; output++) {
      Weights.read(weight, type, (long) output * inputs, row);
      int panel = output / panelWidth;
      int lane = output % panelWidth;
      int width = width(panel);
      for (int from = 0; from < inputs; from += BLOCK) {
        int at = packedAt(panel, from) + lane;
        for (int k = from; k < Math.min(from + BLOCK, inputs); k++, at += width) {
          packed[at] = row[k];
        }
      }
    }
  }

  int panels() {
    return Math.ceilDiv(outputs, panelWidth);
  }

  /** First output of a panel. */
  int column(int panel) {
    return panel * panelWidth;
  }

  /** Outputs of a panel. */
  int columns(int panel) {
    return Math.min(panelWidth, outputs - column(panel));
  }

  /** Width of a panel with its padding, full vectors. */
  int width(int panel) {
    return Math.min(panelWidth, paddedOutputs - column(panel));
  }

  /** Where the panel's line for input {@code block}, a multiple of BLOCK, starts in packed. */
  int packedAt(int panel, int block) {
    return block * paddedOutputs + column(panel) * Math.min(BLOCK, inputs - block);
  }

  float[] packed() {
    return packed;
  }

  float[] bias() {
    return bias;
  }

  boolean closed() {
    return packed == null;
  }

  @Override
  public int inputs() {
    return inputs;
  }

  @Override
  public int outputs() {
    return outputs;
  }

  private long bytes() {
    return 4L * (inputs + 1) * paddedOutputs;
  }

  @Override
  public void close() {
    if (packed != null) {
      packed = null;
      bias = null;
      memory.add(-bytes());
    }
  }
}
