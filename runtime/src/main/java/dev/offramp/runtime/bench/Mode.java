package dev.offramp.runtime.bench;

import java.util.List;

/** One way to run batches, to be timed beside others. */
public interface Mode extends AutoCloseable {
  /** Name in reports, such as {@code full-depth} or {@code onnxruntime}. */
  String name();

  /** Runs one batch of token ids to the end, results included. */
  void run(List<int[]> batch);

  @Override
  default void close() {}
}
