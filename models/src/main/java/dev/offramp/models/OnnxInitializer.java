package dev.offramp.models;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A constant of an ONNX graph (TensorProto of onnx.proto), whose data is made when written. */
record OnnxInitializer(String name, OnnxType type, List<Long> shape, Data data) {
  private static final int DIMS = 1;
  private static final int TYPE = 2;
  private static final int NAME = 8;
  private static final int RAW_DATA = 9;

  /** Makes the data. */
  interface Data {
    MemorySegment bytes(Arena arena);
  }

  /** A matrix [out, in] as [in, out], F32 or F16; its name is not that of the tensor. */
  static OnnxInitializer transposed(Tensor matrix, OnnxType type) {
    return sideBySide(matrix.name() + "_transposed", List.of(matrix), type);
  }

  /**
   * Matrices [out, in], transposed and put side by side, as [in, all out], F32 or F16; or vectors
   * [out] as [all out].
   */
  static OnnxInitializer sideBySide(String name, List<Tensor> parts, OnnxType type) {
    List<Long> shape = parts.getFirst().shape();
    long out = shape.getFirst();
    long in = parts.getFirst().elements() / out;
    long all = out * parts.size();
    return new OnnxInitializer(
        name,
        type,
        shape.size() == 1 ? List.of(all) : List.of(in, all),
        arena -> {
          MemorySegment target = Tensor.allocateF32(arena, in * all);
          for (int p = 0; p < parts.size(); p++) {
            Tensor part = parts.get(p);
            for (long o = 0; o < out; o++) {
              for (long i = 0; i < in; i++) {
                target.setAtIndex(Tensor.FLOAT, i * all + p * out + o, part.floatAt(o * in + i));
              }
            }
          }
          return type.of(target, arena);
        });
  }

  /** A matrix [rows, width] with the first row of another one added to each of its rows. */
  static OnnxInitializer plusFirstRow(String name, Tensor matrix, Tensor other, OnnxType type) {
    return new OnnxInitializer(
        name,
        type,
        matrix.shape(),
        arena -> {
          MemorySegment target = Tensor.allocateF32(arena, matrix.elements());
          long width = matrix.shape().get(1);
          for (long i = 0; i < matrix.elements(); i++) {
            target.setAtIndex(Tensor.FLOAT, i, matrix.floatAt(i) + other.floatAt(i % width));
          }
          return type.of(target, arena);
        });
  }

  /**
   * A weight [out, cells * channels] as F32 [out, channels * cells]; its name is not that of the
   * tensor.
   */
  static OnnxInitializer channelsFirst(Tensor weight, int channels) {
    return new OnnxInitializer(
        weight.name() + "_channels_first",
        OnnxType.F32,
        weight.shape(),
        arena -> {
          MemorySegment target = Tensor.allocateF32(arena, weight.elements());
          long features = weight.shape().get(1);
          long cells = features / channels;
          for (long i = 0; i < weight.elements(); i++) {
            long cell = i % features / channels;
            long to = i / features * features + i % channels * cells + cell;
            target.setAtIndex(Tensor.FLOAT, to, weight.floatAt(i));
          }
          return target;
        });
  }

  long dataBytes() {
    return shape.stream().reduce((long) type.bytes(), Math::multiplyExact);
  }

  /** All of the message but the data. */
  byte[] header() {
    return OnnxGraphWriter.message(out -> {
      for (long size : shape) {
        out.writeInt64(DIMS, size);
      }
      out.writeInt32(TYPE, type.number());
      out.writeString(NAME, name);
      out.writeTag(RAW_DATA, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt32NoTag(Math.toIntExact(dataBytes()));
    });
  }

  /** Bytes as this field of another message, tag and length included. */
  long fieldBytes(int field) {
    long bytes = header().length + dataBytes();
    return bytes
        + CodedOutputStream.computeTagSize(field)
        + CodedOutputStream.computeUInt64SizeNoTag(bytes);
  }
}
