package dev.offramp.models;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/** Reads one TensorProto. Raw and packed float data are slices of the mapped file. */
final class OnnxTensorReader {
  private static final int DIMS = 1;
  private static final int DATA_TYPE = 2;
  private static final int FLOAT_DATA = 4;
  private static final int INT32_DATA = 5;
  private static final int INT64_DATA = 7;
  private static final int NAME = 8;
  private static final int RAW_DATA = 9;
  private static final int EXTERNAL_DATA = 13;
  private static final int DATA_LOCATION = 14;

  private final Path file;
  private final MemorySegment mapped;
  private final CodedInputStream in;
  private final List<Long> shape = new ArrayList<>();
  private String name = "";
  private int dataType;
  private boolean external;
  private MemorySegment bytes;
  private LongStream.Builder integers;

  OnnxTensorReader(Path file, MemorySegment mapped, CodedInputStream in) {
    this.file = file;
    this.mapped = mapped;
    this.in = in;
  }

  void field(int tag) throws IOException {
    boolean packed = WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED;
    switch (WireFormat.getTagFieldNumber(tag)) {
      case DIMS -> integers(packed, shape::add);
      case DATA_TYPE -> dataType = in.readInt32();
      case NAME -> name = in.readStringRequireUtf8();
      case RAW_DATA -> bytes = slice();
      case FLOAT_DATA -> {
        if (!packed || bytes != null) {
          throw new IOException("float_data in pieces");
        }
        bytes = slice();
      }
      case INT32_DATA, INT64_DATA -> {
        if (integers == null) {
          integers = LongStream.builder();
        }
        integers(packed, integers::add);
      }
      case EXTERNAL_DATA -> {
        external = true;
        in.skipField(tag);
      }
      case DATA_LOCATION -> external |= in.readInt32() != 0;
      default -> in.skipField(tag);
    }
  }

  private MemorySegment slice() throws IOException {
    int length = in.readRawVarint32();
    long start = in.getTotalBytesRead();
    in.skipRawBytes(length);
    return mapped.asSlice(start, length);
  }

  private interface LongSink {
    void add(long value);
  }

  private void integers(boolean packed, LongSink sink) throws IOException {
    if (!packed) {
      sink.add(in.readInt64());
      return;
    }
    int outer = in.pushLimit(in.readRawVarint32());
    while (in.getBytesUntilLimit() > 0) {
      sink.add(in.readInt64());
    }
    in.popLimit(outer);
  }

  /** The tensor read; its size has been checked against its shape. */
  Tensor tensor() {
    if (external) {
      throw error("keeps its data in another file; save the model as one file with all its data");
    }
    TensorType type =
        switch (dataType) {
          case 1 -> TensorType.F32;
          case 2 -> TensorType.U8;
          case 3, 9 -> TensorType.I8; // A bool is a byte.
          case 6 -> TensorType.I32;
          case 7 -> TensorType.I64;
          case 10 -> TensorType.F16;
          case 16 -> TensorType.BF16;
          default -> throw error("has ONNX type " + dataType + "; export with float32 weights");
        };
    try {
      return new Tensor(name, type, shape, data(type));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw error("has data that does not fit its shape " + shape + "; restore the file");
    }
  }

  private MemorySegment data(TensorType type) {
    if (bytes != null) {
      return bytes;
    }
    long[] values = integers == null ? new long[0] : integers.build().toArray();
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.multiplyExact(values.length, type.bytes()))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      switch (type.bytes()) {
        case 1 -> buffer.put((byte) value);
        case 2 -> buffer.putShort((short) value);
        case 4 -> buffer.putInt((int) value);
        default -> buffer.putLong(value);
      }
    }
    return MemorySegment.ofBuffer(buffer.flip());
  }

  private InputException error(String problemAndRemedy) {
    return InputException.in(file, name.isEmpty() ? "tensor" : name, problemAndRemedy);
  }
}
