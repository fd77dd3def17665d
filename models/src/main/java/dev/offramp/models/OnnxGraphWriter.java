package dev.offramp.models;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.stream.LongStream;

/**
 * Builds an ONNX graph of standard operators and writes it as a protobuf message (onnx.proto of
 * github.com/onnx/onnx). Weights are converted and written one at a time, so that the model is
 * never in memory a second time.
 */
final class OnnxGraphWriter {
  private static final int IR_VERSION = 7;

  /** The last one with masks and norms in the form that ONNX Runtime joins to an Attention. */
  private static final int OPSET = 12;

  /** Of the operators that ONNX Runtime has beyond ONNX's. */
  private static final String MICROSOFT = "com.microsoft";

  private static final int MODEL_IR_VERSION = 1;
  private static final int MODEL_PRODUCER = 2;
  private static final int MODEL_GRAPH = 7;
  private static final int MODEL_OPSET = 8;
  private static final int OPSET_DOMAIN = 1;
  private static final int OPSET_VERSION = 2;
  private static final int GRAPH_NODE = 1;
  private static final int GRAPH_NAME = 2;
  private static final int GRAPH_INITIALIZER = 5;
  private static final int GRAPH_INPUT = 11;
  private static final int GRAPH_OUTPUT = 12;
  private static final int GRAPH_VALUE = 13;
  private static final int NODE_INPUT = 1;
  private static final int NODE_OUTPUT = 2;
  private static final int NODE_NAME = 3;
  private static final int NODE_OP = 4;
  private static final int NODE_ATTRIBUTE = 5;
  private static final int NODE_DOMAIN = 7;
  private static final int ATTRIBUTE_NAME = 1;
  private static final int ATTRIBUTE_FLOAT = 2;
  private static final int ATTRIBUTE_INT = 3;
  private static final int ATTRIBUTE_INTS = 8;
  private static final int ATTRIBUTE_TYPE = 20;

  private final OnnxType floats;
  private boolean needsOnnxRuntime;
  private final ByteArrayOutputStream nodes = new ByteArrayOutputStream();
  private final ByteArrayOutputStream values = new ByteArrayOutputStream();
  private final SequencedMap<String, OnnxInitializer> initializers = new LinkedHashMap<>();

  /** An attribute of a node, as an encoded message. */
  record Attribute(byte[] bytes) {
    static Attribute of(String name, long value) {
      return attribute(name, 2, out -> out.writeInt64(ATTRIBUTE_INT, value));
    }

    static Attribute of(String name, float value) {
      return attribute(name, 1, out -> out.writeFloat(ATTRIBUTE_FLOAT, value));
    }

    static Attribute of(String name, long... values) {
      return attribute(
          name,
          7,
          out -> {
            for (long value : values) {
              out.writeInt64(ATTRIBUTE_INTS, value);
            }
          });
    }

    /** The one axis that an operation is about; -1 is the last. */
    static Attribute axes(long axis) {
      return of("axes", new long[] {axis});
    }

    private static Attribute attribute(String name, int type, Fields value) {
      return new Attribute(
          message(out -> {
            out.writeString(ATTRIBUTE_NAME, name);
            value.write(out);
            out.writeInt32(ATTRIBUTE_TYPE, type);
          }));
    }
  }

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
      throw new UncheckedIOException(e); // Nothing here writes to a disk.
    }
    return bytes.toByteArray();
  }

  /**
   * Begins an empty graph.
   *
   * @param floats in which weights and constants are written and layers compute: F32 or F16
   */
  OnnxGraphWriter(OnnxType floats) {
    this.floats = floats;
  }

  /** The type that layers compute in. */
  OnnxType floats() {
    return floats;
  }

  /**
   * An input of the graph.
   *
   * @param dims a number, or a name for a size that is known at run time only
   * @return its name
   */
  String input(String name, OnnxType type, Object... dims) {
    value(GRAPH_INPUT, name, type, dims);
    return name;
  }

  /** Says the shape of a value between operations, where it does not follow from theirs. */
  void shape(String name, OnnxType type, Object... dims) {
    value(GRAPH_VALUE, name, type, dims);
  }

  /** Makes a value an output of the graph. */
  void output(String name, OnnxType type, Object... dims) {
    value(GRAPH_OUTPUT, name, type, dims);
  }

  private void value(int field, String name, OnnxType type, Object... dims) {
    byte[] shape =
        message(out -> {
          for (Object dim : dims) {
            out.writeByteArray(
                1,
                message(size -> {
                  if (dim instanceof String symbol) {
                    size.writeString(2, symbol);
                  } else {
                    size.writeInt64(1, ((Number) dim).longValue());
                  }
                }));
          }
        });
    byte[] tensor =
        message(out -> {
          out.writeInt32(1, type.number());
          out.writeByteArray(2, shape);
        });
    byte[] typed = message(out -> out.writeByteArray(1, tensor));
    byte[] info =
        message(out -> {
          out.writeString(1, name);
          out.writeByteArray(2, typed);
        });
    values.writeBytes(message(out -> out.writeByteArray(field, info)));
  }

  /** As {@link #node(String, String, List, Attribute...)}, for an operation without attributes. */
  String node(String op, String output, String... inputs) {
    return node(op, output, List.of(inputs));
  }

  /**
   * Adds an operation.
   *
   * @param output name of its output, which names the node too
   * @return output
   */
  String node(String op, String output, List<String> inputs, Attribute... attributes) {
    node(op, List.of(output), inputs, attributes);
    return output;
  }

  /** Adds an operation of several outputs, the first of which names it. */
  void node(String op, List<String> outputs, List<String> inputs, Attribute... attributes) {
    node("", op, outputs, inputs, attributes);
  }

  /**
   * Adds one of the operations that ONNX Runtime alone has.
   *
   * @return output
   */
  String ownOf(String op, String output, List<String> inputs, Attribute... attributes) {
    needsOnnxRuntime = true;
    node(MICROSOFT, op, List.of(output), inputs, attributes);
    return output;
  }

  private void node(
      String domain,
      String op,
      List<String> outputs,
      List<String> inputs,
      Attribute... attributes) {
    byte[] node =
        message(out -> {
          for (String input : inputs) {
            out.writeString(NODE_INPUT, input);
          }
          for (String output : outputs) {
            out.writeString(NODE_OUTPUT, output);
          }
          out.writeString(NODE_NAME, outputs.getFirst());
          out.writeString(NODE_OP, op);
          for (Attribute attribute : attributes) {
            out.writeByteArray(NODE_ATTRIBUTE, attribute.bytes());
          }
          out.writeString(NODE_DOMAIN, domain);
        });
    nodes.writeBytes(message(out -> out.writeByteArray(GRAPH_NODE, node)));
  }

  /** A value in another type, by a node where it is of another; returns its name. */
  String cast(String x, OnnxType from, String output, OnnxType to) {
    return from == to ? x : cast(x, output, to);
  }

  /** A value in another type. */
  String cast(String x, String output, OnnxType to) {
    return node("Cast", output, List.of(x), Attribute.of("to", to.number()));
  }

  /** A weight as it is stored, in the type of the layers; returns its name. */
  String weight(Tensor tensor) {
    return weight(tensor, floats);
  }

  /** A weight as it is stored, F32 or F16; returns its name. */
  String weight(Tensor tensor, OnnxType type) {
    return constant(
        new OnnxInitializer(
            tensor.name(), type, tensor.shape(), arena -> type.of(tensor.toF32(arena), arena)));
  }

  /** A constant scalar, in the type of the layers. */
  String scalar(float value) {
    return scalar(value, floats);
  }

  /** A constant scalar, F32 or F16. */
  String scalar(float value, OnnxType type) {
    byte[] bytes = little(Float.BYTES).putFloat(value).array();
    return constant(
        new OnnxInitializer(
            type.name().toLowerCase(Locale.ROOT) + "_" + value,
            type,
            List.of(),
            arena -> type.of(MemorySegment.ofArray(bytes), arena)));
  }

  /** A constant scalar of integer type. */
  String scalar(long value) {
    return integers("scalar_" + value, List.of(), value);
  }

  /** A constant list of integers, such as a shape. */
  String list(long... values) {
    String name =
        "list_" + String.join("_", LongStream.of(values).mapToObj(Long::toString).toList());
    return integers(name, List.of((long) values.length), values);
  }

  private String integers(String name, List<Long> shape, long... values) {
    ByteBuffer bytes = little(values.length * Long.BYTES);
    LongStream.of(values).forEach(bytes::putLong);
    return constant(
        new OnnxInitializer(name, OnnxType.I64, shape, _ -> MemorySegment.ofArray(bytes.array())));
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Adds a constant, unless there is one of its name, which is the same; returns its name. */
  String constant(OnnxInitializer initializer) {
    initializers.putIfAbsent(initializer.name(), initializer);
    return initializer.name();
  }

  /**
   * Writes the model.
   *
   * @param name of the graph
   * @throws InputException if it is larger than protobuf allows, 2 GB
   */
  void writeTo(Path file, String name) throws IOException {
    byte[] graphName = message(out -> out.writeString(GRAPH_NAME, name));
    long graph = (long) nodes.size() + values.size() + graphName.length;
    for (OnnxInitializer initializer : initializers.values()) {
      if (initializer.dataBytes() > Integer.MAX_VALUE) {
        throw tooLarge(file, initializer.dataBytes());
      }
      graph += initializer.fieldBytes(GRAPH_INITIALIZER);
    }
    byte[] head =
        message(out -> {
          out.writeInt64(MODEL_IR_VERSION, IR_VERSION);
          out.writeString(MODEL_PRODUCER, "offramp");
          out.writeByteArray(MODEL_OPSET, operators("", OPSET));
          if (needsOnnxRuntime) {
            out.writeByteArray(MODEL_OPSET, operators(MICROSOFT, 1));
          }
        });
    if (graph > Integer.MAX_VALUE - 2L * head.length) {
      throw tooLarge(file, graph);
    }
    try (OutputStream stream = Files.newOutputStream(file)) {
      CodedOutputStream out = CodedOutputStream.newInstance(stream, 1 << 16);
      out.writeRawBytes(head);
      out.writeTag(MODEL_GRAPH, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt32NoTag((int) graph);
      out.writeRawBytes(graphName);
      out.writeRawBytes(values.toByteArray());
      out.writeRawBytes(nodes.toByteArray());
      for (OnnxInitializer initializer : initializers.values()) {
        byte[] header = initializer.header();
        out.writeTag(GRAPH_INITIALIZER, WireFormat.WIRETYPE_LENGTH_DELIMITED);
        out.writeUInt32NoTag((int) (header.length + initializer.dataBytes()));
        out.writeRawBytes(header);
        try (Arena arena = Arena.ofConfined()) {
          out.writeRawBytes(initializer.data().bytes(arena).asByteBuffer());
        }
      }
      out.flush();
    }
  }

  private static byte[] operators(String domain, int version) {
    return message(out -> {
      out.writeString(OPSET_DOMAIN, domain);
      out.writeInt64(OPSET_VERSION, version);
    });
  }

  private static InputException tooLarge(Path file, long bytes) {
    return InputException.in(
        file,
        null,
        "would be %,d bytes, and an ONNX file holds 2 GB; export a smaller model, or its segments"
            .formatted(bytes));
  }
}
