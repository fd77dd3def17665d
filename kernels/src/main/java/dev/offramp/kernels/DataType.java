package dev.offramp.kernels;

/** Element types a device can hold. */
public enum DataType {
  F32(4),
  F16(2),
  BF16(2),
  I32(4);

  private final int bytes;

  DataType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }
}
