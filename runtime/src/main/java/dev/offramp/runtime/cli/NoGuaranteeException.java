package dev.offramp.runtime.cli;

/** A guarantee was expected and cannot be given; the command ends with exit code 3. */
final class NoGuaranteeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NoGuaranteeException(String message) {
    super(message);
  }
}
