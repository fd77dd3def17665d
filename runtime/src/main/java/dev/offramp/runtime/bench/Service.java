package dev.offramp.runtime.bench;

/** Something that answers rows as they come. Thread-safe. */
public interface Service extends AutoCloseable {
  /** Name in reports, such as {@code full-depth}. */
  String name();

  /**
   * Hands in a row; returns at once, never waiting for room or for an answer.
   *
   * @param answered called exactly once, from any thread, when the answer is on the host; also for
   *     a row whose computation failed
   * @throws RuntimeException what made an earlier row fail
   */
  void submit(int[] tokens, Runnable answered);

  /**
   * Waits until all rows are answered.
   *
   * @throws RuntimeException what made a row fail, unless {@link #submit} has thrown it
   */
  @Override
  void close();
}
