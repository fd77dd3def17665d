package dev.offramp.runtime;

/**
 * A guarantee was expected and cannot be given: there is no certificate, or it is of another model,
 * another kind of device or another precision. Besides what the message says, a program may choose
 * another policy by {@link EngineOptions#withPolicy}.
 */
public final class NoGuaranteeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What stands in the way. */
  public enum Kind {
    /** There is no certificate. */
    NO_CERTIFICATE,
    /** It is of another model. */
    OTHER_MODEL,
    /** It is of another kind of device or another precision. */
    OTHER_DEVICE
  }

  private final Kind kind;

  NoGuaranteeException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /** What stands in the way. */
  public Kind kind() {
    return kind;
  }
}
