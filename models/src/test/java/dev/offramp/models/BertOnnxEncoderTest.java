package dev.offramp.models;

import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** An exported graph, changed to what BERT does not compute, mostly in its last layer alone. */
class BertOnnxEncoderTest {
  private static final String POSITION = "embeddings.position_embeddings.weight";
  private static final String TYPE = "embeddings.token_type_embeddings.weight";

  @TempDir Path temp;

  @ParameterizedTest
  @MethodSource
  void refusesWhatBertDoesNotCompute(String message, Consumer<EditedOnnx> change) {
    EditedOnnx graph = EditedOnnx.tinyModel(temp);
    change.accept(graph);
    Path file = temp.resolve("tiny.onnx");
    graph.write(file);
    BertOnnxImporterTest.refuses(file, message);
  }

  static Stream<Arguments> refusesWhatBertDoesNotCompute() {
    String last = "encoder.layer.1.";
    String attention = last + "attention.";
    return Stream.of(
        change(
            "task.weight: is part of the sum",
            graph -> {
              graph.floats("task.weight", new float[24]);
              graph.replace("embedded", node("Add", "embedded", "words and positions", "task"));
              graph.add(node("Add", "words and positions", "words", "position"));
              graph.add(node("Gather", "task", "task.weight", "scalar_0"));
            }),
        change(
            "embeddings.task_type_embeddings.weight: is a tensor of the encoder",
            graph -> graph.floats("embeddings.task_type_embeddings.weight", new float[24])),
        change(
            attention + "self.distance_embedding.weight_quantized: is a tensor",
            graph ->
                graph.floats(attention + "self.distance_embedding.weight_quantized", new float[8])),
        change(
            "second.embeddings.LayerNorm.weight: is of a second encoder",
            graph -> graph.floats("second.embeddings.LayerNorm.weight", new float[8])),
        change(
            POSITION + ": is not in the sum",
            graph -> graph.replace("embedded", node("Add", "embedded", "words", "type"))),
        change(
            TYPE + ": is added twice",
            graph ->
                graph
                    .replace("positions", node("Add", "positions", "with type", "type"))
                    .add(node("Add", "with type", POSITION, "type"))),
        change(
            "words: is part of the sum",
            graph ->
                graph
                    .replace("words", node("Mul", "words", "looked up", "f32_0.5"))
                    .add(node("Gather", "looked up", BertTensors.WORD, "input_ids"))),
        change(
            POSITION + ": is taken by positions that do not begin at 0",
            graph -> {
              graph.integers("two", 2);
              graph.replace(
                  "position", node("Slice", "position", "positions", "two", "end", "list_0"));
            }),
        change(
            POSITION + ": is taken by positions that do not begin at 0",
            graph -> graph.pytorchEmbeddings(2)),
        change(
            POSITION + ": is taken by positions that do not begin at 0",
            graph -> {
              graph.pytorchEmbeddings(0);
              graph.integers("two", 2);
              graph.replace("position", node("Gather", "position", POSITION, "moved"));
              graph.add(node("Add", "moved", "ids", "two"));
            }),
        change(
            POSITION + ": has its positions counted as RoBERTa does",
            graph -> {
              graph.replace("position", node("Gather", "position", "positions", "moved"));
              graph.add(node("Add", "moved", "counted", "one"));
              graph.add(node("CumSum", "counted", "attention_mask", "scalar_1"));
            }),
        change(
            TYPE + ": is taken by a token type that is not 0",
            graph -> {
              graph.integers("scalar_1", 1);
              graph.replace("type", node("Gather", "type", TYPE, "scalar_1"));
            }),
        change(
            last + "output.LayerNorm: has epsilon 0.5 where the embeddings have",
            graph -> {
              String positive = last + "output.LayerNorm.positive";
              graph.replace(
                  positive, node("Add", positive, last + "output.LayerNorm.variance", "f32_0.5"));
            }),
        change(
            last + "intermediate.dense: has another activation after it",
            graph ->
                graph.replace(
                    last + "gelu", node("Relu", last + "gelu", last + "intermediate.dense"))),
        change(
            last + "intermediate.dense: the graph has not GELU (with Erf) or ReLU",
            graph ->
                graph.replace(
                    last + "gelu", node("FastGelu", last + "gelu", last + "intermediate.dense"))),
        change(
            "encoder.layer.0.intermediate.dense: the graph has not GELU",
            graph -> {
              OnnxNode gelu =
                  node("Gelu", "encoder.layer.0.gelu", "encoder.layer.0.intermediate.dense");
              graph.replace("encoder.layer.0.gelu", EditedOnnx.with(gelu, "approximate", "tanh"));
            }),
        change(
            attention + "self.key: is split into 4 heads, layer 0 into 2",
            graph -> {
              String split = attention + "self.key.split";
              graph.integers("four", 0, 0, 4, 2);
              graph.replace(split, node("Reshape", split, attention + "self.key", "four"));
            }),
        change(
            attention + "self.query: the graph has not a positive number of heads",
            graph -> {
              String split = attention + "self.query.split";
              graph.integers("open", 0, 0, -1, 3);
              graph.replace(split, node("Reshape", split, attention + "self.query", "open"));
            }),
        change(
            attention + "self.query: has its products with keys scaled by 2.0, not",
            graph ->
                graph.replace(
                    attention + "scaled",
                    node("Div", attention + "scaled", attention + "scores", "f32_0.5"))),
        change(
            attention + "self.query: passes through [MatMul Scale Add Softmax Scale",
            graph ->
                graph.replace(
                    attention + "mixed",
                    node("MatMul", attention + "mixed", "halved", attention + "self.value.heads"),
                    node("Mul", "halved", attention + "shares", "f32_0.5"))),
        change(
            attention + "self.query: passes through [MatMul Scale Add Add itself Softmax",
            graph -> {
              String masked = attention + "masked";
              graph.replace(
                  masked,
                  node("Add", masked, "biased", "distances"),
                  node("Add", "biased", attention + "scaled", "mask_added"),
                  node("Einsum", "distances", attention + "self.query.heads", "f32_0.5"));
            }),
        change(
            attention + "self.key: passes through [Tanh]",
            graph -> {
              graph.replace(
                  attention + "self.key.split",
                  node("Tanh", attention + "self.key.split", "split"),
                  node("Reshape", "split", attention + "self.key", "list_0_0_2_4"));
            }),
        change(
            attention + "self.value: has no part in its attention's output",
            graph ->
                graph.replace(
                    attention + "mixed",
                    node(
                        "MatMul",
                        attention + "mixed",
                        attention + "shares",
                        "encoder.layer.0.attention.self.value.heads"))),
        change(
            attention + "self.query: is not applied to the layer norm before it",
            graph -> {
              String product = attention + "self.query.product";
              graph.replace(
                  product,
                  node(
                      "MatMul",
                      product,
                      "embeddings.LayerNorm",
                      attention + "self.query.weight_transposed"));
            }),
        change(
            attention + "output.LayerNorm: does not take the sum",
            graph ->
                graph.replace(
                    attention + "sum",
                    node("Add", attention + "sum", attention + "output.dense", "embedded"))));
  }

  private static Arguments change(String message, Consumer<EditedOnnx> change) {
    return Arguments.of(message, change);
  }

  private static OnnxNode node(String op, String output, String... inputs) {
    return EditedOnnx.node(op, output, inputs);
  }
}
