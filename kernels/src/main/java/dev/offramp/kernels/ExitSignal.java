package dev.offramp.kernels;

/**
 * Where an exit head leaves its verdict. Entry i belongs to the i-th live row at the time of the
 * call, so that a stage's end is one small read-back.
 *
 * @param scores F32 [3, capacity], one line for each {@link Confidence} in its order
 * @param predictions I32 [capacity], the class of the largest logit (the first of equals); NaN
 *     logits are passed over, and where all are NaN it is 0
 * @param probabilities F32 [capacity, classes], or null where nobody asks for them
 */
public record ExitSignal(Buffer scores, Buffer predictions, Buffer probabilities)
    implements AutoCloseable {

  /** Allocates a signal for up to {@code capacity} rows, without probabilities if classes is 0. */
  public static ExitSignal allocate(Device device, int capacity, int classes) {
    return new ExitSignal(
        device.allocate(DataType.F32, 3L * capacity),
        device.allocate(DataType.I32, capacity),
        classes == 0 ? null : device.allocate(DataType.F32, (long) capacity * classes));
  }

  public int capacity() {
    return Math.toIntExact(predictions.elements());
  }

  @Override
  public void close() {
    scores.close();
    predictions.close();
    if (probabilities != null) {
      probabilities.close();
    }
  }
}
