package dev.offramp.runtime;

/**
 * What an audit of a sample found.
 *
 * @param early the answer by the thresholds
 * @param full the full model's; the same where the thresholds let the sample go to the last exit
 */
public record Audited(Result early, Result full) {}
