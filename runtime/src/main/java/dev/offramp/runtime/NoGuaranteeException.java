package dev.offramp.runtime;

/**
 * A guarantee was expected and cannot be given: there is no certificate, or it is of another model,
 * another kind of device or another precision.
 */
public final class NoGuaranteeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NoGuaranteeException(String message) {
    super(message);
  }
}
