package dev.offramp.models;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/** The tensors of a residual network as PyTorch stores it; each has to be taken once. */
final class ResnetForeignTensors {
  /** PyTorch's, which is not in the file. */
  private static final double EPSILON = 1e-5;

  /** Counts steps of training; nothing is computed with it. */
  private static final String COUNTER = "num_batches_tracked";

  private final Path file;
  private final Map<String, Tensor> tensors;
  private final ResnetNames names;
  private final Arena arena;
  private final Set<String> taken = new HashSet<>();

  /**
   * @param names how the file names what is asked for by torchvision's names
   * @param arena for tensors that are made of those of the file
   */
  ResnetForeignTensors(Path file, Map<String, Tensor> tensors, ResnetNames names, Arena arena) {
    this.file = file;
    this.tensors = tensors;
    this.names = names;
    this.arena = arena;
  }

  boolean has(String name) {
    return tensors.containsKey(names.inFile(name));
  }

  /** A size that the network is known by; not yet checked. */
  int size(String name, int axis) {
    List<Long> shape = get(name).shape();
    if (axis >= shape.size()) {
      throw error(
          name, "has shape " + shape + ", too few sizes for this network; restore the file");
    }
    return (int) Math.min(shape.get(axis), Integer.MAX_VALUE);
  }

  /**
   * Folds a batch norm into the convolution before it (F32): its scale into the weight, the rest
   * into a bias.
   */
  void fold(
      ResnetTensors.Convolution to,
      String convolution,
      String norm,
      SequencedMap<String, Tensor> target) {
    Tensor weight = take(convolution + ".weight", to.shape());
    double[] gamma = vector(norm + ".weight", to.out());
    double[] beta = vector(norm + ".bias", to.out());
    double[] mean = vector(norm + ".running_mean", to.out());
    double[] variance = vector(norm + ".running_var", to.out());
    long each = weight.elements() / to.out();
    MemorySegment folded = Tensor.allocateF32(arena, weight.elements());
    MemorySegment bias = Tensor.allocateF32(arena, to.out());
    for (int o = 0; o < to.out(); o++) {
      if (variance[o] < 0) {
        throw error(norm + ".running_var", variance[o] + " is no variance; restore the file");
      }
      double scale = gamma[o] / Math.sqrt(variance[o] + EPSILON);
      for (long i = o * each; i < (o + 1) * each; i++) {
        folded.setAtIndex(Tensor.FLOAT, i, (float) (weight.floatAt(i) * scale));
      }
      bias.setAtIndex(Tensor.FLOAT, o, (float) (beta[o] - mean[o] * scale));
    }
    String name = to.name() + ".weight";
    target.put(name, new Tensor(name, TensorType.F32, to.shape(), folded));
    name = to.name() + ".bias";
    target.put(name, new Tensor(name, TensorType.F32, Tensor.boxed(to.out()), bias));
  }

  /** Takes a tensor as it is. */
  void move(String from, String to, SequencedMap<String, Tensor> target, long... shape) {
    target.put(to, take(from, Tensor.boxed(shape)).named(to));
  }

  private double[] vector(String name, int size) {
    Tensor tensor = take(name, List.of((long) size));
    double[] values = new double[size];
    Arrays.setAll(values, tensor::floatAt);
    return values;
  }

  private Tensor take(String name, List<Long> shape) {
    Tensor tensor = Doubles.rounded(file, names.inFile(name), get(name), arena);
    if (!tensor.shape().equals(shape)) {
      throw error(
          name, "has shape " + tensor.shape() + " where " + shape + " is needed; restore the file");
    }
    if (!tensor.type().isFloat()) {
      throw error(name, "is " + tensor.type() + "; store weights as F32, F16, BF16 or F64");
    }
    if (!tensor.isFinite()) {
      throw error(name, "holds NaN or infinite values; restore the file");
    }
    taken.add(names.inFile(name));
    return tensor;
  }

  private Tensor get(String name) {
    Tensor tensor = tensors.get(names.inFile(name));
    if (tensor == null) {
      throw error(name, "missing, so this is no whole residual network; restore the file");
    }
    return tensor;
  }

  /**
   * @throws InputException if tensors are left, with which something else would be computed
   */
  void requireAllTaken() {
    for (String name : tensors.keySet()) {
      if (!taken.contains(name) && !name.endsWith(COUNTER)) {
        throw InputException.in(
            file,
            name,
            "has no place in a residual network of torchvision's, Hugging Face's or the CIFAR layout;"
                + " name the weights of one");
      }
    }
  }

  InputException error(String name, String problemAndRemedy) {
    return InputException.in(file, names.inFile(name), problemAndRemedy);
  }
}
