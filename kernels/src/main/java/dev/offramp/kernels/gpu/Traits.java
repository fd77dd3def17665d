package dev.offramp.kernels.gpu;

/**
 * What the choice of kernels depends on.
 *
 * @param dialect language of the kernels
 * @param processor whether the device is a CPU: one work item then does a vector's work
 * @param maxGroupItems most work items of a group
 * @param localBytes local (shared) memory of a group, in bytes
 * @param capability compute capability times ten, 75, 80, 90 and so on; 0 for others than CUDA
 * @param warpgroups whether the kernels were built with products of four warps
 */
public record Traits(
    Dialect dialect,
    boolean processor,
    int maxGroupItems,
    int localBytes,
    int capability,
    boolean warpgroups) {
  public Traits(
      Dialect dialect, boolean processor, int maxGroupItems, int localBytes, int capability) {
    this(dialect, processor, maxGroupItems, localBytes, capability, false);
  }

  /** Language of the kernels: the sources have a prelude for each that is C. */
  public enum Dialect {
    OPENCL,
    CUDA,
    JAVA
  }
}
