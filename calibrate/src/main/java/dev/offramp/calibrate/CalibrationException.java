package dev.offramp.calibrate;

/** Input that calibration cannot use. The message names what is wrong, where, and the remedy. */
public final class CalibrationException extends IllegalArgumentException {
  public CalibrationException(String message) {
    super(message);
  }

  public CalibrationException(String message, Throwable cause) {
    super(message, cause);
  }
}
