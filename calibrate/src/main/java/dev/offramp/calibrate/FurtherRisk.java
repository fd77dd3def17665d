package dev.offramp.calibrate;

/**
 * Outcome of one {@link RiskLevel}.
 *
 * @param risk its name
 * @param lossBound largest loss possible
 * @param epsilon its level
 * @param empiricalRisk shape [K], mean calibration loss of each row
 */
public record FurtherRisk(String risk, double lossBound, double epsilon, double[] empiricalRisk) {}
