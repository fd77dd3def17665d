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
 * A convolution's weights on the device, in the order that its kernel reads them: see
 * convolution_tile.c, vector_convolution.c, and image.c for groups. They are of the type of
 * activations, but F32 for vector_convolution.c; the bias always is.
 */
final class GpuConvolution implements Convolution {
  final Heap heap;
  private final ConvolutionShape shape;
  private final ConvolutionKernel vector; // null where that is not its kind of kernel
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
    Traits traits = heap.driver.traits();
    vector = traits.processor() ? ConvolutionKernel.vector(traits, shape) : null;
    DataType held = vector == null ? activations : DataType.F32;
    int padded =
        vector == null ? shape.outputs() : shape.groups() * vector.panels(shape) * vector.n();
    try (Arena arena = Arena.ofConfined()) {
      long bytes = (long) padded * shape.depth() * held.bytes();
      weight = heap.allocate(bytes);
      bias = heap.allocate(4L * padded);
      float[] biases = new float[padded];
      MemorySegment target = arena.allocate(bytes, 64); // zeroed
      long from = 0;
      for (int n = 0; n < shape.outputs(); n++) {
        biases[place(n)] = sourceBias == null ? 0 : Weights.get(sourceBias, DataType.F32, n);
        for (int c = 0; c < shape.inputsOfGroup(); c++) {
          for (int tap = 0; tap < shape.kernel() * shape.kernel(); tap++) {
            Weights.put(target, held, place(n, c, tap), Weights.get(source, type, from++));
          }
        }
      }
      staging.upload(MemorySegment.ofArray(biases), bias, 0);
      staging.upload(target, weight, 0);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Where an output is among all, those that fill up panels counted. */
  private int place(int n) {
    if (vector == null) {
      return n;
    }
    int outputs = shape.outputs() / shape.groups();
    return n / outputs * vector.panels(shape) * vector.n() + n % outputs;
  }

  /** Where input c of pixel tap of output n's window is. */
  private long place(int n, int c, int tap) {
    if (vector == null) {
      int line = tap * shape.inputsOfGroup() + c;
      return shape.groups() == 1
          ? (long) n * shape.depth() + line
          : (long) line * shape.outputs() + n;
    }
    int first = c / ConvolutionKernel.DEPTH * ConvolutionKernel.DEPTH;
    int depth = Math.min(ConvolutionKernel.DEPTH, shape.inputsOfGroup() - first);
    int line = first * shape.kernel() * shape.kernel() + tap * depth + c - first;
    int panel = place(n) / vector.n();
    return ((long) panel * shape.depth() + line) * vector.n() + place(n) % vector.n();
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
