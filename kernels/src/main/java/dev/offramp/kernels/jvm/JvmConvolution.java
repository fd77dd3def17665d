package dev.offramp.kernels.jvm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.ImageShape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Weights of a convolution. For tiles they are cut into panels of outputs of one group, with a line
 * of outputs for each input in the order of {@link #passes}: [panels][kernel, kernel, inputs /
 * groups][panel]. Where groups have fewer outputs than a vector has lanes, they are [kernel,
 * kernel, inputs / groups, outputs].
 */
final class JvmConvolution implements Convolution {
  /** Most inputs of a pass: a panel of their weights stays in the second-level cache. */
  private static final int DEPTH = 640;

  final Memory memory;
  private final ConvolutionShape shape;
  private final List<Panel> panels;
  private final List<Pass> passes;
  private final int[] windows;
  private final int[] pixels;
  private Winograd winograd; // null where it does not fit
  private float[] packed; // (depth * outputs), those of panels padded
  private float[] bias; // (outputs + lanes)

  /**
   * Outputs side by side that are computed together.
   *
   * @param input first input channel of their group
   * @param output the first of them
   * @param outputs how many they are
   * @param width the same padded to full vectors
   * @param at where their weights start
   * @param lines whether they are computed by {@link InnerLoops#line}, with weights [kernel,
   *     inputs, kernel, panel]
   */
  record Panel(int input, int output, int outputs, int width, int at, boolean lines) {}

  /**
   * Inputs that are added in one go.
   *
   * @param runs where runs of them start, counted from the first input of an output's window in the
   *     padded image
   * @param depth inputs of a run
   * @param line the line of a panel that belongs to the first of them
   */
  record Pass(int[] runs, int depth, int line) {}

  JvmConvolution(
      Memory memory,
      InnerLoops loops,
      ConvolutionShape shape,
      MemorySegment weight,
      DataType type,
      MemorySegment bias) {
    this.memory = memory;
    this.shape = shape;
    panels = tiled(loops, shape) ? panels(loops, shape) : List.of();
    passes = passes(shape);
    windows = windows(shape);
    pixels = Gemm.identity(shape.out().pixels());
    this.bias = new float[shape.outputs() + loops.lanes()];
    if (bias != null) {
      MemorySegment.copy(bias, JAVA_FLOAT_UNALIGNED, 0, this.bias, 0, shape.outputs());
    }
    packed = new float[(int) elements(loops, shape)];
    winograd = Winograd.fits(loops, shape) ? new Winograd(loops, shape, this.bias) : null;
    pack(weight, type);
    if (winograd != null && !winograd.usable()) {
      winograd = null;
    }
    memory.add(bytes());
  }

  private static boolean tiled(InnerLoops loops, ConvolutionShape shape) {
    return shape.groups() == 1 || shape.outputs() / shape.groups() >= loops.lanes();
  }

  /** Elements of the packed weights. */
  static long elements(InnerLoops loops, ConvolutionShape shape) {
    int part = shape.outputs() / shape.groups();
    int padded = tiled(loops, shape) ? loops.padded(part) : part;
    return (long) shape.depth() * padded * shape.groups();
  }

  /** Elements of the larger of its arrays. */
  static long largestArray(InnerLoops loops, ConvolutionShape shape) {
    long other = Winograd.fits(loops, shape) ? Winograd.elements(shape) : 0;
    return Math.max(elements(loops, shape), other);
  }

  private static List<Panel> panels(InnerLoops loops, ConvolutionShape shape) {
    List<Panel> panels = new ArrayList<>();
    int widest = loops.panelVectors() * loops.lanes();
    int part = shape.outputs() / shape.groups();
    int at = 0;
    for (int group = 0; group < shape.groups(); group++) {
      for (int from = 0; from < part; from += widest) {
        int outputs = Math.min(widest, part - from);
        int width = loops.padded(outputs);
        boolean lines =
            width == loops.lanes()
                && shape.kernel() == 3
                && shape.stride() == 1
                && shape.groups() == 1;
        panels.add(
            new Panel(
                group * shape.inputsOfGroup(), group * part + from, outputs, width, at, lines));
        at += width * shape.depth();
      }
    }
    return List.copyOf(panels);
  }

  /** Without groups the inputs below a line of the kernel lie side by side. */
  private static List<Pass> passes(ConvolutionShape shape) {
    int line = (shape.in().width() + 2 * shape.padding()) * shape.in().channels();
    int parts = shape.groups() == 1 ? 1 : shape.kernel();
    int depth = shape.depth() / shape.kernel() / parts;
    List<Pass> passes = new ArrayList<>();
    int count = shape.kernel() * parts;
    int together = Math.clamp(DEPTH / depth, 1, count);
    for (int first = 0; first < count; first += together) {
      int[] runs = new int[Math.min(together, count - first)];
      for (int i = 0; i < runs.length; i++) {
        int run = first + i;
        runs[i] = run / parts * line + run % parts * shape.in().channels();
      }
      for (int from = 0; from < depth; from += DEPTH) {
        int[] starts = runs.clone();
        for (int i = 0; i < runs.length; i++) {
          starts[i] += from;
        }
        passes.add(new Pass(starts, Math.min(DEPTH, depth - from), first * depth + from));
      }
    }
    return List.copyOf(passes);
  }

  private static int[] windows(ConvolutionShape shape) {
    ImageShape out = shape.out();
    int line = shape.in().width() + 2 * shape.padding();
    int[] windows = new int[out.pixels()];
    for (int i = 0; i < windows.length; i++) {
      windows[i] = (i / out.width() * line + i % out.width()) * shape.stride();
    }
    return windows;
  }

  private void pack(MemorySegment weight, DataType type) {
    int inputs = shape.inputsOfGroup();
    int square = shape.kernel() * shape.kernel();
    float[] row = new float[shape.depth()]; // (inputs, kernel, kernel)
    for (int output = 0, panel = 0; output < shape.outputs(); output++) {
      Weights.read(weight, type, (long) output * row.length, row);
      if (winograd != null) {
        winograd.pack(output, row);
      }
      int first = output;
      int stride = shape.outputs();
      boolean lines = false;
      if (!panels.isEmpty()) {
        if (output == panels.get(panel).output + panels.get(panel).outputs) {
          panel++;
        }
        first = panels.get(panel).at + output - panels.get(panel).output;
        stride = panels.get(panel).width;
        lines = panels.get(panel).lines;
      }
      for (int i = 0; i < inputs; i++) {
        for (int at = 0; at < square; at++) {
          int line = lines ? (at / 3 * inputs + i) * 3 + at % 3 : at * inputs + i;
          packed[first + line * stride] = row[i * square + at];
        }
      }
    }
  }

  @Override
  public ConvolutionShape shape() {
    return shape;
  }

  /** None where groups are too small for tiles. */
  List<Panel> panels() {
    return panels;
  }

  List<Pass> passes() {
    return passes;
  }

  /** Where output pixels' windows start in the padded image, in pixels. */
  int[] windows() {
    return windows;
  }

  /** Output pixels as numbers from 0 on. */
  int[] pixels() {
    return pixels;
  }

  float[] packed() {
    return packed;
  }

  /** The faster way, for most images; null if there is none. */
  Winograd winograd() {
    return winograd;
  }

  /** Padded by a vector. */
  float[] bias() {
    return bias;
  }

  boolean closed() {
    return packed == null;
  }

  private long bytes() {
    return 4L * (packed.length + bias.length + windows.length + pixels.length)
        + (winograd == null ? 0 : winograd.bytes());
  }

  @Override
  public void close() {
    if (packed != null) {
      memory.add(-bytes());
      packed = null;
      bias = null;
      winograd = null;
    }
  }
}
