package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Arguments;
import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;

/** Checks the arguments of one operation and unwraps this device's objects among them. */
final class Checks extends Arguments {
  private final Memory memory;

  Checks(Memory memory, String operation) {
    super(operation);
    this.memory = memory;
  }

  JvmRows rows(LiveRows rows) {
    present("rows", rows);
    if (!(rows instanceof JvmRows mine) || mine.memory != memory) {
      throw fault("rows is of another device");
    }
    mine.count(); // throws if closed
    return mine;
  }

  /** Rows whose only position is an image. */
  JvmRows imageRows(LiveRows rows) {
    JvmRows mine = rows(rows);
    images(mine);
    return mine;
  }

  JvmConvolution convolution(String name, Convolution convolution) {
    present(name, convolution);
    if (!(convolution instanceof JvmConvolution mine) || mine.memory != memory) {
      throw fault("%s is of another device", name);
    }
    if (mine.closed()) {
      throw closed(name);
    }
    return mine;
  }

  JvmLinear linear(String name, Linear linear) {
    present(name, linear);
    if (!(linear instanceof JvmLinear mine) || mine.memory != memory) {
      throw fault("%s is of another device", name);
    }
    if (mine.closed()) {
      throw closed(name);
    }
    return mine;
  }

  JvmBuffer buffer(String name, Buffer buffer) {
    present(name, buffer);
    if (!(buffer instanceof JvmBuffer mine) || mine.memory != memory) {
      throw fault("%s is of another device", name);
    }
    if (mine.closed()) {
      throw closed(name);
    }
    return mine;
  }

  JvmBuffer buffer(String name, Buffer buffer, DataType type, long atLeast) {
    JvmBuffer mine = buffer(name, buffer);
    holds(name, mine, type, atLeast);
    return mine;
  }

  float[] floats(String name, Buffer buffer, long atLeast) {
    return buffer(name, buffer, DataType.F32, atLeast).floats();
  }

  int[] ints(String name, Buffer buffer, long atLeast) {
    return buffer(name, buffer, DataType.I32, atLeast).ints();
  }

  /** Activations [capacity, positions, width]. */
  float[] activations(String name, Buffer buffer, JvmRows rows, int width) {
    JvmBuffer mine = buffer(name, buffer, DataType.F32, 0);
    holds(name, mine, rows, width);
    return mine.floats();
  }

  /** A table F32 [lines, width] with at least that many lines. */
  float[] table(String name, Buffer buffer, int width, int lines) {
    JvmBuffer mine = buffer(name, buffer, DataType.F32, (long) lines * width);
    lines(name, mine, width);
    return mine.floats();
  }

  Positionwise.Norm norm(Normalization normalization) {
    present("normalization", normalization);
    float[] gamma = floats("gamma", normalization.gamma(), 1);
    float[] beta = floats("beta", normalization.beta(), 1);
    return new Positionwise.Norm(gamma, beta, normalization.epsilon());
  }

  /** A signal for these rows; classes is 0 where probabilities do not matter. */
  ExitHeads.Verdicts signal(ExitSignal signal, JvmRows rows, int classes) {
    present("signal", signal);
    int[] predictions = ints("signal.predictions", signal.predictions(), rows.count());
    float[] scores = floats("signal.scores", signal.scores(), 3L * predictions.length);
    float[] probabilities =
        signal.probabilities() == null || classes == 0
            ? null
            : floats(
                "signal.probabilities",
                signal.probabilities(),
                (long) predictions.length * classes);
    return new ExitHeads.Verdicts(scores, predictions, probabilities);
  }
}
