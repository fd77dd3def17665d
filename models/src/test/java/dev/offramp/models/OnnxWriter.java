package dev.offramp.models;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Writes small ONNX models: messages as bytes, built from the inside out. */
final class OnnxWriter {
  private final ByteArrayOutputStream graph = new ByteArrayOutputStream();

  /** Writes the fields of a message. */
  interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  static byte[] message(Fields fields) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      fields.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  OnnxWriter initializer(byte[] tensor) {
    graph.writeBytes(message(out -> out.writeByteArray(5, tensor)));
    return this;
  }

  OnnxWriter node(String op, List<String> inputs, String output, byte[]... attributes) {
    byte[] node =
        message(out -> {
          for (String input : inputs) {
            out.writeString(1, input);
          }
          out.writeString(2, output);
          out.writeString(4, op);
          for (byte[] attribute : attributes) {
            out.writeByteArray(5, attribute);
          }
        });
    graph.writeBytes(message(out -> out.writeByteArray(1, node)));
    return this;
  }

  OnnxWriter constant(String name, byte[] tensor) {
    byte[] attribute =
        message(out -> {
          out.writeString(1, "value");
          out.writeByteArray(5, tensor);
        });
    return node("Constant", List.of(), name, attribute);
  }

  static byte[] floatAttribute(String name, float value) {
    return message(out -> {
      out.writeString(1, name);
      out.writeFloat(2, value);
    });
  }

  static byte[] stringAttribute(String name, String value) {
    return message(out -> {
      out.writeString(1, name);
      out.writeString(4, value);
    });
  }

  /** A tensor with raw data. */
  static byte[] tensor(String name, int dataType, List<Long> shape, byte[] data) {
    return message(out -> {
      for (long size : shape) {
        out.writeInt64(1, size);
      }
      out.writeInt32(2, dataType);
      out.writeString(8, name);
      out.writeBytes(9, ByteString.copyFrom(data));
    });
  }

  static byte[] tensor(Tensor tensor) {
    byte[] data = tensor.data().toArray(ValueLayout.JAVA_BYTE);
    int type =
        switch (tensor.type()) {
          case F32 -> 1;
          case I8 -> 3;
          case I64 -> 7;
          default -> throw new IllegalArgumentException(tensor.type() + " is not written yet");
        };
    return tensor(tensor.name(), type, tensor.shape(), data);
  }

  byte[] model() {
    return message(out -> {
      out.writeInt64(1, 8);
      out.writeString(2, "a test");
      out.writeByteArray(7, graph.toByteArray());
    });
  }
}
