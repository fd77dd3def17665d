package dev.offramp.runtime;

/** A request's deadline passed before it was answered. It has no stack trace: many may pass. */
public final class DeadlineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DeadlineException() {
    super("the deadline passed before the request was answered", null, false, false);
  }
}
