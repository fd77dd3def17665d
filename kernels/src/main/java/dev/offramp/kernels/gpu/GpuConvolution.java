package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * A convolution's weights on the device, in the order that its kernel reads them: see image.c for
 * those in groups, convolution_tile.c and, for processors, vector_convolution.c. They are of the
 * type of activations, but vector_convolution.c's F32; so is the bias always.
 */
final class GpuConvolution implements Convolution {
  final Heap heap;
  private final ConvolutionShape shape;
  private Memory weight;
  private Memory bias;

  GpuConvolution(
      Heap heap,
      Staging staging,
      DataType activations,
      ConvolutionShape shape,
      MemorySegment source,
      DataType type,
      MemorySegment sourceBias) {
    this.heap = heap;
    this.shape = shape;
    boolean vector = heap.driver.traits().processor() && shape.groups() == 1;
    int panel = vector ? ConvolutionKernel.vector(shape.outputs()).n() : 1;
    int padded = (shape.outputs() + panel - 1) / panel * panel;
    DataType held = vector ? DataType.F32 : activations;
    long elements = (long) padded * shape.depth();
    try (Arena arena = Arena.ofConfined()) {
      weight = heap.allocate(elements * held.bytes());
      bias = heap.allocate(4L * padded);
      staging.upload(
          MemorySegment.ofArray(Weights.bias(sourceBias, shape.outputs(), padded)), bias, 0);
      MemorySegment target = arena.allocate(elements * held.bytes(), 64); // zeroed
      int taps = shape.kernel() * shape.kernel();
      long from = 0;
      for (int n = 0; n < shape.outputs(); n++) {
        for (int c = 0; c < shape.inputsOfGroup(); c++) {
          for (int tap = 0; tap < taps; tap++) {
            long to = vector ? inPanels(panel, n, c, tap) : inLines(n, c, tap);
            Weights.put(target, held, to, Weights.get(source, type, from++));
          }
        }
      }
      staging.upload(target, weight, 0);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** In [outputs, kernel, kernel, inputs], or of groups [kernel, kernel, inputs, outputs]. */
  private long inLines(int n, int c, int tap) {
    int line = tap * shape.inputsOfGroup() + c;
    return shape.groups() == 1
        ? (long) n * shape.depth() + line
        : (long) line * shape.outputs() + n;
  }

  /** In [panels, inputs / DEPTH, kernel, kernel, DEPTH, panel]. */
  private long inPanels(int panel, int n, int c, int tap) {
    int taps = shape.kernel() * shape.kernel();
    int first = c / ConvolutionKernel.DEPTH * ConvolutionKernel.DEPTH;
    int depth = Math.min(ConvolutionKernel.DEPTH, shape.inputsOfGroup() - first);
    long line = (long) (n / panel) * shape.depth() + first * taps + tap * depth + c - first;
    return line * panel + n % panel;
  }

  @Override
  public ConvolutionShape shape() {
    return shape;
  }

  /** Null once closed. */
  Memory weight() {
    return weight;
  }

  Memory bias() {
    return bias;
  }

  @Override
  public void close() {
    List<Memory> freed = Arrays.asList(weight, bias); // with nulls
    weight = null;
    bias = null;
    freed.forEach(heap::free);
  }
}
