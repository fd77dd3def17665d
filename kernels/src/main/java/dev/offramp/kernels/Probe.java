package dev.offramp.kernels;

/**
 * Outcome of looking for a device.
 *
 * @param id the name that {@code --device} takes; without a number where none of the kind was found
 * @param accepted whether {@link Devices#open} would succeed
 * @param reason why it was accepted or declined, in a sentence, with what was tried
 * @param info what was found; null if declined
 * @param processor whether the device is the machine's processor
 */
public record Probe(
    String id, boolean accepted, String reason, DeviceInfo info, boolean processor) {}
