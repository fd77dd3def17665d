package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An exported graph, changed to the styles of other exporters; {@link ImporterTest} has real ones.
 */
class BertOnnxImporterTest {
  private static final SequencedMap<String, Tensor> WEIGHTS =
      TinyModel.tensors(TinyModel.backbone());
  private static final String POSITION = "embeddings.position_embeddings.weight";
  private static final String TYPE = "embeddings.token_type_embeddings.weight";

  @TempDir Path temp;
  private Path file;
  private EditedOnnx graph;

  @BeforeEach
  void export() {
    file = temp.resolve("tiny.onnx");
    graph = EditedOnnx.tinyModel(temp);
  }

  @ParameterizedTest
  @MethodSource
  void readsWhatExportersWrite(String style, Consumer<EditedOnnx> change) {
    change.accept(graph);
    graph.write(file);
    check(TinyModel.ARCHITECTURE);
  }

  static Stream<Arguments> readsWhatExportersWrite() {
    return Stream.of(
        change("as exported", graph -> {}),
        change("position ids", graph -> graph.pytorchEmbeddings(0)),
        change(
            "token types from the graph's input",
            graph -> {
              graph.replace("position", node("Gather", "position", POSITION, "counted"));
              graph.add(node("Range", "counted", "scalar_0", "length", "scalar_1"));
              graph.integers("scalar_1", 1);
              graph.replace("embedded", node("Add", "embedded", "words", "both"));
              graph.replace("type", node("Gather", "type", TYPE, "token_type_ids"));
              graph.add(node("Add", "both", "type", "position"));
            }),
        change(
            "heads left open",
            graph -> {
              graph.integers("open", 0, 0, -1, 4);
              for (String name : graph.outputs(".split")) {
                graph.replace(name, node("Reshape", name, name.replace(".split", ""), "open"));
              }
            }),
        change(
            "scale multiplied",
            graph -> {
              graph.floats("half", 0.5f);
              for (String name : graph.outputs("attention.scaled")) {
                graph.replace(name, node("Mul", name, "half", name.replace("scaled", "scores")));
              }
            }),
        change(
            "queries and keys scaled alike, by what Shape says",
            graph -> {
              graph.integers("last", -1);
              graph.integers("end", Long.MAX_VALUE);
              graph.floats("one", 1);
              for (String name : graph.outputs("attention.scores")) {
                String layer = name.replace("scores", "");
                graph.add(node("Shape", layer + "shape", layer + "self.query.heads"));
                graph.add(node("Slice", layer + "size", layer + "shape", "last", "end"));
                graph.add(node("Cast", layer + "float", layer + "size"));
                graph.add(node("Sqrt", layer + "root", layer + "float"));
                graph.add(node("Div", layer + "scale", "one", layer + "root"));
                graph.add(node("Sqrt", layer + "each", layer + "scale"));
                graph.add(node("Mul", layer + "q", layer + "self.query.heads", layer + "each"));
                graph.add(node("Mul", layer + "k", layer + "self.key.heads", layer + "each"));
                graph.replace(name, node("MatMul", name, layer + "q", layer + "k"));
                graph.replace(layer + "scaled", node("Identity", layer + "scaled", name));
              }
            }),
        change(
            "scale in ONNX Runtime's product",
            graph -> {
              for (String name : graph.outputs("attention.scaled")) {
                String layer = name.replace("scaled", "self.");
                OnnxNode product =
                    node("FusedMatMul", name, layer + "query.heads", layer + "key.heads");
                graph.replace(name, EditedOnnx.with(product, "alpha", 0.5f));
              }
            }),
        change(
            "attention in one",
            graph -> {
              for (String name : graph.outputs("attention.mixed")) {
                String layer = name.replace("mixed", "self.");
                graph.replace(
                    name,
                    node(
                        "Attention",
                        name,
                        layer + "query.heads",
                        layer + "key.heads",
                        layer + "value.heads"));
              }
            }),
        change(
            "GELU in another order",
            graph -> {
              OnnxNode root = node("Constant", "root");
              graph.add(EditedOnnx.with(root, "value_float", (float) Math.sqrt(0.5)));
              for (String name : graph.outputs(".gelu")) {
                String inner = name.replace("gelu", "intermediate.dense");
                graph.replace(name + ".scaled", node("Mul", name + ".scaled", inner, "root"));
                graph.replace(name + ".twice", node("Mul", name + ".twice", inner, "f32_0.5"));
                graph.replace(name, node("Mul", name, name + ".twice", name + ".shifted"));
              }
            }),
        change(
            "GELU in one",
            graph -> {
              for (String name : graph.outputs(".gelu")) {
                graph.replace(name, node("Gelu", name, name.replace("gelu", "intermediate.dense")));
              }
            }),
        change(
            "without effect",
            graph -> {
              String layer = "encoder.layer.1.attention.";
              graph.replace(
                  layer + "sum", node("Add", layer + "sum", "kept", layer + "output.dense"));
              graph.add(node("Dropout", "kept", "encoder.layer.0.output"));
              graph.replace(
                  layer + "mixed",
                  node("MatMul", layer + "mixed", "valid", layer + "self.value.heads"));
              graph.add(node("Where", "valid", "nan", "zero", layer + "shares"));
              graph.add(node("IsNaN", "nan", layer + "shares"));
            }));
  }

  private static Arguments change(String what, Consumer<EditedOnnx> change) {
    return Arguments.of(what, change);
  }

  private static OnnxNode node(String op, String output, String... inputs) {
    return EditedOnnx.node(op, output, inputs);
  }

  @Test
  void readsAPrefixNamedMatricesFusedNormsAndRelu() {
    for (String name : graph.outputs(".gelu")) {
      graph.replace(name, node("Relu", name, name.replace("gelu", "intermediate.dense")));
    }
    for (String norm : graph.outputs("LayerNorm.scaled")) {
      String name = norm.replace(".scaled", "");
      // The last one of a layer has the layer's name.
      String output = graph.has(name) ? name : graph.consumerOf(norm);
      OnnxNode fused =
          node(
              "LayerNormalization",
              output,
              graph.input(name + ".mean"),
              name + ".weight",
              name + ".bias");
      graph.replace(output, EditedOnnx.with(fused, "epsilon", 1e-6f));
    }
    for (String product : graph.outputs(".product")) {
      String weight = product.replace(".product", ".weight");
      graph.constant(WEIGHTS.get(weight));
      graph.add(node("Transpose", product + ".turned", weight));
      graph.replace(product, node("MatMul", product, graph.input(product), product + ".turned"));
    }
    WEIGHTS.keySet().forEach(name -> graph.rename(name, "bert." + name));
    graph.write(file);
    check(new BertArchitecture(2, 8, 2, 12, 7, 16, 2, 1e-6, "relu"));
  }

  private void check(BertArchitecture architecture) {
    try (Arena arena = Arena.ofConfined()) {
      Backbone backbone = BertOnnxImporter.read(file, arena);
      assertThat(backbone.architecture()).isEqualTo(architecture);
      assertThat(backbone.tensors().keySet()).isEqualTo(WEIGHTS.keySet());
      backbone
          .tensors()
          .forEach((name, tensor) -> {
            assertThat(tensor.name()).isEqualTo(name);
            assertThat(TinyModel.floats(tensor))
                .as(name)
                .isEqualTo(TinyModel.floats(WEIGHTS.get(name)));
          });
    }
  }

  @Test
  void namesWhatIsNotInTheGraph() throws IOException {
    Files.write(file, new OnnxWriter().node("Relu", List.of("x"), "y").model());
    refuses("embeddings.LayerNorm.weight: not found, so this is no BERT encoder");

    String key = "encoder.layer.0.attention.self.key";
    graph.replace(key, node("Sum", key, key + ".product", key + ".bias"));
    graph.write(file);
    refuses(key + ": the graph has not an Add of its bias");
    graph.rename("encoder.layer.0.attention.self.query.bias", "b");
    graph.write(file);
    refuses("encoder.layer.0.attention.self.query.bias: not found");
  }

  private void refuses(String message) {
    refuses(file, message);
  }

  /** That a file is not imported, by an error that names it and a remedy. */
  static void refuses(Path file, String message) {
    assertThatThrownBy(
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                BertOnnxImporter.read(file, arena);
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message)
        .hasMessageContaining("; ");
  }

  @Test
  void dequantisesPerTensorAndPerColumn() {
    ByteBuffer stored = ByteBuffer.wrap(new byte[] {1, -2, 3, 127, -128, 0});
    Tensor matrix = new Tensor("q", TensorType.I8, List.of(2L, 3L), MemorySegment.ofBuffer(stored));
    Tensor scales = Tensor.ofFloats("s", new float[] {1, 0.5f, 2}, 3);
    Tensor zeros = Tensor.ofFloats("z", new float[] {0, 1, -1}, 3);
    Tensor half = Tensor.ofFloats("h", new float[] {0.5f});
    Tensor one = Tensor.ofFloats("o", new float[] {1}, 1);
    try (Arena arena = Arena.ofConfined()) {
      Tensor plain = new StoredMatrix(matrix, half, one).toFloats("w", false, arena).orElseThrow();
      assertThat(plain.shape()).containsExactly(2L, 3L);
      assertThat(TinyModel.floats(plain)).containsExactly(0, -1.5f, 1, 63, -64.5f, -0.5f);
      Tensor turned =
          new StoredMatrix(matrix, scales, zeros).toFloats("w", true, arena).orElseThrow();
      assertThat(turned.shape()).containsExactly(3L, 2L);
      assertThat(TinyModel.floats(turned)).containsExactly(1, 127, -1.5f, -64.5f, 8, 2);
      assertThat(new StoredMatrix(matrix, zeros.named("z"), half).toFloats("w", true, arena))
          .isPresent();
      Tensor two = Tensor.ofFloats("t", new float[2], 2);
      assertThat(new StoredMatrix(matrix, two, one).toFloats("w", true, arena)).isEmpty();
      assertThat(new StoredMatrix(scales, half, one).toFloats("w", true, arena)).isEmpty();
    }
  }
}
