package dev.offramp.runtime.bench;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.runtime.engine.BatchRunner;
import java.util.List;
import java.util.Optional;

/** One way to run batches, to be timed beside others. */
public interface Mode extends AutoCloseable {
  /** Name in reports, such as {@code full-depth} or {@code onnxruntime}. */
  String name();

  /**
   * Whether it computes on the benched device, by whose peak its rate may then be measured.
   *
   * @param benched that device
   * @param processor whether that is the machine's processor
   */
  default boolean runsOn(DeviceInfo benched, boolean processor) {
    return true;
  }

  /**
   * Makes ready for batches, which are then passed to {@link #run} as the very same objects.
   *
   * @param runner this runtime on the same model, to be agreed with
   * @return why this mode cannot run these batches and is left out, or nothing
   * @throws PeerException if it fails in a way that no comparison should hide
   */
  default Optional<String> prepare(List<List<int[]>> batches, BatchRunner runner) {
    return Optional.empty();
  }

  /** Runs one batch of token ids to the end, results included. */
  void run(List<int[]> batch);

  /**
   * Runs a batch that was not prepared and will not come again, as {@link #run} does, and keeps
   * nothing of it.
   */
  default void runOnce(List<int[]> batch) {
    run(batch);
  }

  /**
   * Runs one batch as {@link #run} does.
   *
   * @return seconds it took; a mode that runs elsewhere counts by a clock over there
   */
  default double time(List<int[]> batch) {
    long start = System.nanoTime();
    run(batch);
    return (System.nanoTime() - start) / 1e9;
  }

  /** Whether {@link #timeAll} is quicker than the batches' times together. */
  default boolean overlaps() {
    return false;
  }

  /**
   * Runs batches one after the other, or overlapped where the mode can.
   *
   * @return seconds they took together
   */
  default double timeAll(List<List<int[]>> batches) {
    double seconds = 0;
    for (List<int[]> batch : batches) {
      seconds += time(batch);
    }
    return seconds;
  }

  @Override
  default void close() {}
}
