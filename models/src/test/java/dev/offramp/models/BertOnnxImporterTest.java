package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Small graphs in the styles exporters write; real ones are in {@link ImporterTest}. */
class BertOnnxImporterTest {
  private static final SequencedMap<String, Tensor> WEIGHTS =
      TinyModel.tensors(TinyModel.backbone());

  @TempDir Path temp;
  private Path file;

  @BeforeEach
  void name() {
    file = temp.resolve("tiny.onnx");
  }

  @Test
  void findsAnonymousMatrices() throws IOException {
    Files.write(file, new Graph("").anonymous().model());
    check(TinyModel.ARCHITECTURE);
  }

  @Test
  void readsAPrefixNamedMatricesFusedNormsAndRelu() throws IOException {
    Graph graph = new Graph("bert.");
    graph.fusedNorm = true;
    graph.activation = "Relu";
    Files.write(file, graph.named().model());
    check(new BertArchitecture(2, 8, 2, 12, 7, 16, 2, 1e-6, "relu"));
  }

  @Test
  void worksOutHeadsThatAreLeftOpen() throws IOException {
    Graph graph = new Graph("");
    graph.heads = -1;
    Files.write(file, graph.anonymous().model());
    check(TinyModel.ARCHITECTURE);

    graph = new Graph("");
    graph.heads = -1;
    graph.headSize = 3;
    Files.write(file, graph.anonymous().model());
    refuses("a positive number of heads");
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

    Graph graph = new Graph("");
    graph.activation = "Tanh";
    Files.write(file, graph.anonymous().model());
    refuses("encoder.layer.0.intermediate.dense: the graph has not GELU");

    graph = new Graph("");
    graph.activation = "Gelu";
    Files.write(file, graph.anonymous().model());
    refuses("encoder.layer.0.intermediate.dense: the graph has not GELU");

    graph = new Graph("");
    graph.positionsFrom = "CumSum";
    Files.write(file, graph.anonymous().model());
    refuses("embeddings.position_embeddings.weight: positions are counted as RoBERTa does");

    graph = new Graph("");
    graph.heads = 0;
    Files.write(file, graph.anonymous().model());
    refuses("a positive number of heads");

    Files.write(file, new Graph("").model());
    refuses("encoder.layer.0.attention.self.query");
  }

  private void refuses(String message) {
    assertThatThrownBy(
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                BertOnnxImporter.read(file, arena);
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message);
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

  /** The parts of an encoder's graph that the importer looks at. */
  private static final class Graph {
    private final OnnxWriter writer = new OnnxWriter();
    private final String prefix;
    private String activation = "Erf";
    private boolean fusedNorm;
    private long heads = 2;
    private long headSize = 4;
    private String positionsFrom = "Range";

    Graph(String prefix) {
      this.prefix = prefix;
      WEIGHTS.forEach((name, tensor) -> {
        if (!isMatrix(name, tensor)) {
          writer.initializer(OnnxWriter.tensor(tensor.named(prefix + name)));
        }
      });
    }

    private static boolean isMatrix(String name, Tensor tensor) {
      return name.startsWith("encoder.") && tensor.shape().size() == 2;
    }

    /** Matrices as PyTorch's exporter leaves them: nameless and [in, out]. */
    Graph anonymous() {
      WEIGHTS.forEach((name, tensor) -> {
        if (isMatrix(name, tensor)) {
          String anonymous = "onnx::MatMul_" + name.hashCode();
          writer.initializer(OnnxWriter.tensor(transposed(tensor).named(anonymous)));
          String linear = prefix + name.substring(0, name.length() - ".weight".length());
          writer.node("MatMul", List.of("input", anonymous), linear + "/product");
          writer.node("Add", List.of(linear + ".bias", linear + "/product"), linear + "/out");
        }
      });
      return surroundings();
    }

    /** Matrices under their own names, [out, in], transposed by a node. */
    Graph named() {
      WEIGHTS.forEach((name, tensor) -> {
        if (isMatrix(name, tensor)) {
          writer.initializer(OnnxWriter.tensor(tensor.named(prefix + name)));
          String linear = prefix + name.substring(0, name.length() - ".weight".length());
          writer.node("Transpose", List.of(prefix + name), linear + "/turned");
          writer.node("MatMul", List.of("x", linear + "/turned"), linear + "/product");
          writer.node("Add", List.of(linear + "/product", linear + ".bias"), linear + "/out");
        }
      });
      return surroundings();
    }

    private Graph surroundings() {
      String query = prefix + "encoder.layer.0.attention.self.query/out";
      writer.constant("heads", longs(heads));
      writer.constant("size", longs(headSize));
      writer.node("Concat", List.of("batch", "tokens", "heads", "size"), "shape");
      writer.node("Reshape", List.of(query, "shape"), "split");
      String inner = prefix + "encoder.layer.0.intermediate.dense/out";
      if (activation.equals("Relu")) {
        writer.node("Relu", List.of(inner), "active");
      } else if (activation.equals("Gelu")) {
        byte[] tanh = OnnxWriter.stringAttribute("approximate", "tanh");
        writer.node("Gelu", List.of(inner), "active", tanh);
      } else {
        writer.node("Div", List.of(inner, "sqrt2"), "scaled");
        writer.node(activation, List.of("scaled"), "active");
      }
      writer.node(positionsFrom, List.of("shape of ids"), "counted");
      writer.node("Add", List.of("counted", "offset"), "position");
      String table = prefix + "embeddings.position_embeddings.weight";
      writer.node("Gather", List.of(table, "position"), "positions");
      String norm = prefix + "embeddings.LayerNorm";
      if (fusedNorm) {
        List<String> inputs = List.of("x", norm + ".weight", norm + ".bias");
        writer.node("LayerNormalization", inputs, "n", OnnxWriter.floatAttribute("epsilon", 1e-6f));
      } else {
        writer.constant("epsilon", OnnxWriter.tensor(Tensor.ofFloats("", new float[] {1e-12f})));
        writer.node("Add", List.of("variance", "epsilon"), "v");
        writer.node("Sqrt", List.of("v"), "deviation");
        writer.node("Div", List.of("centred", "deviation"), "standard");
        writer.node("Mul", List.of("standard", norm + ".weight"), "m");
      }
      return this;
    }

    private static byte[] longs(long value) {
      ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value);
      return OnnxWriter.tensor("", 7, List.of(1L), bytes.array());
    }

    private static Tensor transposed(Tensor tensor) {
      int rows = tensor.shape().get(0).intValue();
      int columns = tensor.shape().get(1).intValue();
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i % columns * rows + i / columns] = tensor.floatAt(i);
      }
      return Tensor.ofFloats("", values, columns, rows);
    }

    byte[] model() {
      return writer.model();
    }
  }
}
