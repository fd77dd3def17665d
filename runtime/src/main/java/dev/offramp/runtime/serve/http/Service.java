package dev.offramp.runtime.serve.http;

/** What answers requests. Thread-safe. */
public interface Service {
  /**
   * Answers a request that is complete and within the limits. Runs on a virtual thread of its own,
   * which is interrupted when the front is closed. What it throws becomes a 500 and a line in the
   * log.
   */
  Reply answer(Call call) throws InterruptedException;

  /**
   * Whether a path needs no token. Called before the body is read and on the thread that serves all
   * connections, so it must not wait for anything.
   *
   * @param path as in {@link Call#path}
   */
  boolean isPublic(String path);
}
