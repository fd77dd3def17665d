package dev.offramp.calibrate;

/**
 * A risk and the level to keep it at.
 *
 * @param risk its name, for certificates; empty where it has none
 * @param table its losses
 * @param epsilon its level, in the unit of its losses
 * @throws CalibrationException if epsilon is not finite
 */
public record RiskLevel(String risk, LossTable table, double epsilon) {
  public RiskLevel {
    Settings.checkEpsilon(epsilon);
  }

  /** Whether no loss can exceed the level, so that every row keeps it by definition. */
  boolean isVoid() {
    return epsilon >= table.bound();
  }
}
