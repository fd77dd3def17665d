package dev.offramp.kernels;

/**
 * What a device is.
 *
 * @param id the name that {@code --device} takes, such as {@code jvm} or {@code opencl:0}
 * @param description processor or graphics card, and the code path in use
 * @param memoryBytes memory the device may allocate
 * @param computeUnits worker threads or multiprocessors
 * @param precision the numbers it computes with
 * @param note what limits its speed (a missing flag, say), or an empty text
 */
public record DeviceInfo(
    String id,
    String description,
    long memoryBytes,
    int computeUnits,
    Precision precision,
    String note) {}
