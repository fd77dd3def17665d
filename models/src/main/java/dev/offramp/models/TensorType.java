package dev.offramp.models;

import java.util.Optional;

/** Element types of safetensors, by their names there. All little endian. */
public enum TensorType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I8(1),
  U8(1);

  private final int bytes;

  TensorType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Whether a model's weights may have it. */
  public boolean isFloat() {
    return this == F32 || this == F16 || this == BF16;
  }

  static Optional<TensorType> named(String name) {
    for (TensorType type : values()) {
      if (type.name().equals(name)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }
}
