package dev.offramp.models;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * An ONNX graph to be changed and written to another file, without the attributes that importers
 * ignore.
 */
final class EditedOnnx {
  private final List<Tensor> constants;
  private final List<OnnxNode> nodes;

  private EditedOnnx(Path file) {
    OnnxFile onnx = OnnxFile.open(file, Arena.ofAuto());
    constants = new ArrayList<>(onnx.constants().values());
    nodes = new ArrayList<>(onnx.nodes());
  }

  /** {@link TinyModel} as it is exported. */
  static EditedOnnx tinyModel(Path folder) {
    Path model = folder.resolve("model");
    Path exported = folder.resolve("exported.onnx");
    TinyModel.write(model);
    try (ModelDirectory directory = ModelDirectory.open(model)) {
      OnnxExporter.write(directory, OnnxExporter.whole(directory.config()), exported);
    }
    return new EditedOnnx(exported);
  }

  static OnnxNode node(String op, String output, String... inputs) {
    return new OnnxNode(op, List.of(inputs), List.of(output), Map.of(), Map.of());
  }

  static OnnxNode with(OnnxNode node, String attribute, float value) {
    return new OnnxNode(
        node.op(), node.inputs(), node.outputs(), Map.of(attribute, value), Map.of());
  }

  static OnnxNode with(OnnxNode node, String attribute, String value) {
    return new OnnxNode(
        node.op(), node.inputs(), node.outputs(), Map.of(), Map.of(attribute, value));
  }

  /** Puts other nodes in the place of the one that computes a value. */
  EditedOnnx replace(String output, OnnxNode... others) {
    if (!nodes.removeIf(node -> node.outputs().contains(output))) {
      throw new IllegalArgumentException(output + " is not in the graph");
    }
    nodes.addAll(List.of(others));
    return this;
  }

  EditedOnnx add(OnnxNode node) {
    nodes.add(node);
    return this;
  }

  /**
   * Puts a BERT's embeddings as PyTorch's exporter writes them, with positions from a buffer.
   *
   * @param first what the buffer begins with
   */
  void pytorchEmbeddings(int first) {
    integers("embeddings.position_ids", LongStream.range(first, first + 16).toArray());
    add(node("Slice", "ids", "embeddings.position_ids", "list_0", "length", "list_0"));
    replace("position", node("Gather", "position", BertTensors.POSITION, "ids"));
    add(node("Gather", "types", BertTensors.TYPE, "token_type_ids"));
    add(node("Add", "words and types", "words", "types"));
    replace("embedded", node("Add", "embedded", "words and types", "position"));
  }

  EditedOnnx constant(Tensor tensor) {
    constants.add(tensor);
    return this;
  }

  EditedOnnx floats(String name, float... values) {
    return constant(Tensor.ofFloats(name, values, values.length));
  }

  EditedOnnx integers(String name, long... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(values);
    return constant(
        new Tensor(
            name,
            TensorType.I64,
            List.of((long) values.length),
            MemorySegment.ofArray(bytes.array())));
  }

  /** Gives a constant another name. */
  void rename(String constant, String name) {
    constants.replaceAll(tensor -> tensor.name().equals(constant) ? tensor.named(name) : tensor);
    nodes.replaceAll(node ->
        new OnnxNode(
            node.op(),
            node.inputs().stream().map(input -> input.equals(constant) ? name : input).toList(),
            node.outputs(),
            node.floats(),
            node.strings()));
  }

  /** The values that are computed whose names end so. */
  List<String> outputs(String ending) {
    return nodes.stream().map(OnnxNode::output).filter(name -> name.endsWith(ending)).toList();
  }

  boolean has(String output) {
    return nodes.stream().anyMatch(node -> node.output().equals(output));
  }

  /** The first input of the node that computes a value. */
  String input(String output) {
    return find(nodes.stream().filter(node -> node.output().equals(output))).input(0);
  }

  /** What is computed from a value. */
  String consumerOf(String value) {
    return find(nodes.stream().filter(node -> node.inputs().contains(value))).output();
  }

  private static OnnxNode find(Stream<OnnxNode> found) {
    return found.findFirst().orElseThrow();
  }

  void write(Path file) {
    OnnxWriter writer = new OnnxWriter();
    constants.forEach(tensor -> writer.initializer(OnnxWriter.tensor(tensor)));
    for (OnnxNode node : nodes) {
      byte[][] attributes =
          Stream.concat(
                  node.floats().entrySet().stream()
                      .map(e -> OnnxWriter.floatAttribute(e.getKey(), e.getValue())),
                  node.strings().entrySet().stream()
                      .map(e -> OnnxWriter.stringAttribute(e.getKey(), e.getValue())))
              .toArray(byte[][]::new);
      writer.node(node.op(), node.inputs(), node.output(), attributes);
    }
    try {
      Files.write(file, writer.model());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
