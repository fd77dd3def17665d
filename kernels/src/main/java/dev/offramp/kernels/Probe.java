package dev.offramp.kernels;

/**
 * Outcome of looking for a device.
 *
 * @param id the name that {@code --device} takes
 * @param accepted whether {@link Devices#open} would succeed
 * @param reason why it was accepted or declined, in a sentence
 * @param info what was found; null if declined
 */
public record Probe(String id, boolean accepted, String reason, DeviceInfo info) {}
