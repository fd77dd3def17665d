package dev.offramp.models;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * An ONNX model's graph (onnx.proto of github.com/onnx/onnx), read from the protobuf wire format.
 * Weights stay in the mapped file and live as long as the arena of {@link #open}.
 *
 * @param constants initializers and the values of Constant nodes, by name
 * @param nodes the operations in the order of the file, Constant nodes left out
 */
public record OnnxFile(SequencedMap<String, Tensor> constants, List<OnnxNode> nodes) {
  private static final int MODEL_GRAPH = 7;
  private static final int GRAPH_NODE = 1;
  private static final int GRAPH_INITIALIZER = 5;
  private static final int NODE_INPUT = 1;
  private static final int NODE_OUTPUT = 2;
  private static final int NODE_OP = 4;
  private static final int NODE_ATTRIBUTE = 5;
  private static final int ATTRIBUTE_NAME = 1;
  private static final int ATTRIBUTE_FLOAT = 2;
  private static final int ATTRIBUTE_STRING = 4;
  private static final int ATTRIBUTE_TENSOR = 5;

  /**
   * @throws InputException if the file is not ONNX, is truncated, or keeps its weights elsewhere
   */
  public static OnnxFile open(Path file, Arena arena) {
    MemorySegment mapped = Disk.map(file, arena);
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      return new Reader(file, mapped, CodedInputStream.newInstance(in)).model();
    } catch (IOException e) {
      throw InputException.in(
          file, null, "is not an ONNX file or is damaged (" + e.getMessage() + "); restore it");
    }
  }

  /** Reads one message of each kind; positions in the stream are positions in the mapped file. */
  private static final class Reader {
    private final Path file;
    private final MemorySegment mapped;
    private final CodedInputStream in;
    private final SequencedMap<String, Tensor> constants = new LinkedHashMap<>();
    private final List<OnnxNode> nodes = new ArrayList<>();

    Reader(Path file, MemorySegment mapped, CodedInputStream in) {
      this.file = file;
      this.mapped = mapped;
      this.in = in;
    }

    OnnxFile model() throws IOException {
      boolean found = false;
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (WireFormat.getTagFieldNumber(tag) == MODEL_GRAPH && isMessage(tag)) {
          found = true;
          message(this::graphField);
        } else {
          in.skipField(tag);
        }
      }
      if (!found) {
        throw InputException.in(file, "graph", "missing; this is not an ONNX model");
      }
      return new OnnxFile(constants, List.copyOf(nodes));
    }

    private void graphField(int tag) throws IOException {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case GRAPH_NODE -> addNode();
        case GRAPH_INITIALIZER -> {
          Tensor tensor = tensor();
          if (constants.put(tensor.name(), tensor) != null) {
            throw InputException.in(file, tensor.name(), "given twice; export the model again");
          }
        }
        default -> in.skipField(tag);
      }
    }

    private void addNode() throws IOException {
      String[] op = {""};
      List<String> inputs = new ArrayList<>();
      List<String> outputs = new ArrayList<>();
      Map<String, Tensor> tensors = new HashMap<>();
      Map<String, Float> floats = new HashMap<>();
      Map<String, String> strings = new HashMap<>();
      message(tag -> {
        switch (WireFormat.getTagFieldNumber(tag)) {
          case NODE_INPUT -> inputs.add(in.readStringRequireUtf8());
          case NODE_OUTPUT -> outputs.add(in.readStringRequireUtf8());
          case NODE_OP -> op[0] = in.readStringRequireUtf8();
          case NODE_ATTRIBUTE -> attribute(tensors, floats, strings);
          default -> in.skipField(tag);
        }
      });
      OnnxNode node =
          new OnnxNode(op[0], List.copyOf(inputs), List.copyOf(outputs), floats, strings);
      Tensor value = tensors.get("value");
      if (op[0].equals("Constant") && value != null) {
        constants.put(node.output(), value.named(node.output()));
      } else {
        nodes.add(node);
      }
    }

    private void attribute(
        Map<String, Tensor> tensors, Map<String, Float> floats, Map<String, String> strings)
        throws IOException {
      String[] name = {""};
      message(tag -> {
        switch (WireFormat.getTagFieldNumber(tag)) {
          case ATTRIBUTE_NAME -> name[0] = in.readStringRequireUtf8();
          case ATTRIBUTE_FLOAT -> floats.put(name[0], in.readFloat());
          case ATTRIBUTE_STRING -> strings.put(name[0], in.readBytes().toStringUtf8());
          case ATTRIBUTE_TENSOR -> tensors.put(name[0], tensor());
          default -> in.skipField(tag);
        }
      });
    }

    private Tensor tensor() throws IOException {
      OnnxTensorReader reader = new OnnxTensorReader(file, mapped, in);
      message(reader::field);
      return reader.tensor();
    }

    /** Reads the fields of a nested message up to its end, not less. */
    private void message(Field field) throws IOException {
      int length = in.readRawVarint32();
      long end = (long) in.getTotalBytesRead() + length;
      int outer = in.pushLimit(length);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        field.read(tag);
      }
      if (in.getTotalBytesRead() != end) {
        throw new IOException("ends early");
      }
      in.popLimit(outer);
    }

    private static boolean isMessage(int tag) {
      return WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED;
    }
  }

  /** Reads or skips the field of a tag. */
  private interface Field {
    void read(int tag) throws IOException;
  }
}
