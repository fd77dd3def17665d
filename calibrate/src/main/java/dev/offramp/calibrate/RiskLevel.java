package dev.offramp.calibrate;

/**
 * A further risk to be kept at the same time.
 *
 * @param risk its name, for certificates
 * @param table its losses on the same samples and grid
 * @param epsilon its level, in the unit of its losses
 * @throws CalibrationException if epsilon is not finite
 */
public record RiskLevel(String risk, LossTable table, double epsilon) {
  public RiskLevel {
    Settings.checkEpsilon(epsilon);
  }
}
