package dev.offramp.models;

import dev.offramp.models.OnnxGraphWriter.Attribute;
import java.util.List;

/**
 * The layers of a BERT encoder (Devlin et al., arXiv 1810.04805; post-norm) as operations of an
 * ONNX graph. ONNX Runtime joins operations where it finds patterns that it knows, so these are
 * written as older exporters of PyTorch wrote them: norms and GELU spelled out, constants on the
 * side and of the values that it looks for.
 */
class BertOnnxLayers {
  /** Added to the scores of padding: the only value that ONNX Runtime joins to an Attention. */
  private static final float PADDING = -10_000;

  final OnnxGraphWriter graph;
  final ModelDirectory model;
  final int heads;
  private final int headSize;

  BertOnnxLayers(OnnxGraphWriter graph, ModelDirectory model) {
    this.graph = graph;
    this.model = model;
    heads = model.config().bert().heads();
    headSize = model.config().bert().hiddenSize() / heads;
  }

  /** I64 [batch, sequence] to floats [batch, sequence, hiddenSize]; all tokens are of type 0. */
  String embeddings(String ids) {
    String table = table();
    String shape = graph.node("Shape", "shape", ids);
    String length = graph.node("Gather", "length", shape, graph.list(1));
    String positions = graph.node("Slice", "position", table, graph.list(0), length, graph.list(0));
    String words = graph.node("Gather", "words", weight(BertTensors.WORD), ids);
    String sum = graph.node("Add", "embedded", words, positions);
    // Not to be inferred through the Slice, and needed to join sums and norms in all layers.
    graph.shape(sum, graph.floats(), "batch", "sequence", (long) heads * headSize);
    return norm(BertTensors.EMBEDDING_NORM, BertTensors.EMBEDDING_NORM, sum);
  }

  /** Positions with token type 0, [maxPositions, hiddenSize]. */
  String table() {
    // Independent of the inputs: computed once, when the file is loaded.
    String type = graph.node("Gather", "type", weight(BertTensors.TYPE), graph.scalar(0));
    return graph.node("Add", "positions", weight(BertTensors.POSITION), type);
  }

  /** I64 [batch, sequence] of 1 and 0 to floats [batch, 1, 1, sequence] of 0 and -10,000. */
  String mask(String mask) {
    String heads = graph.node("Unsqueeze", "mask_heads", List.of(mask), Attribute.axes(1));
    String wide = graph.node("Unsqueeze", "mask_queries", List.of(heads), Attribute.axes(2));
    String floats = graph.cast(wide, "mask_floats", graph.floats());
    String padding = graph.node("Sub", "mask_padding", graph.scalar(1f), floats);
    return graph.node("Mul", "mask_added", padding, graph.scalar(PADDING));
  }

  /**
   * One layer on floats [batch, sequence, hiddenSize].
   *
   * @param mask as {@link #mask} gives it
   * @param output name of its result
   */
  String layer(int index, String x, String mask, String output) {
    String name = BertTensors.layer(index, "");
    String attended = attention(name + "attention.", x, mask);
    String inner = linear(name + BertTensors.INTERMEDIATE, attended);
    String outer = linear(name + "output.dense", activation(name, inner));
    String sum = graph.node("Add", name + "output.sum", outer, attended);
    return norm(output, name + "output.LayerNorm", sum);
  }

  private String attention(String name, String x, String mask) {
    String queries = split(name + "self.query", x, 0, 2, 1, 3);
    String keys = split(name + "self.key", x, 0, 2, 3, 1);
    String values = split(name + "self.value", x, 0, 2, 1, 3);
    String scores = graph.node("MatMul", name + "scores", queries, keys);
    float scale = (float) Math.sqrt(headSize);
    String scaled = graph.node("Div", name + "scaled", scores, graph.scalar(scale));
    String masked = graph.node("Add", name + "masked", scaled, mask);
    String shares =
        graph.node("Softmax", name + "shares", List.of(masked), Attribute.of("axis", 3));
    String mixed = graph.node("MatMul", name + "mixed", shares, values);
    String context = transposed(name + "context", mixed, 0, 2, 1, 3);
    String joined =
        graph.node("Reshape", name + "joined", context, graph.list(0, 0, (long) heads * headSize));
    String sum = graph.node("Add", name + "sum", linear(name + "output.dense", joined), x);
    String norm = name + "output.LayerNorm";
    return norm(norm, norm, sum);
  }

  /** A linear map of the hidden states, split into heads, its axes put in another order. */
  private String split(String name, String x, long... order) {
    String all = linear(name, x);
    String split = graph.node("Reshape", name + ".split", all, graph.list(0, 0, heads, headSize));
    return transposed(name + ".heads", split, order);
  }

  private String activation(String name, String x) {
    return switch (model.config().bert().activation()) {
      case "gelu" -> {
        String scaled =
            graph.node("Div", name + "gelu.scaled", x, graph.scalar((float) Math.sqrt(2)));
        String erf = graph.node("Erf", name + "gelu.erf", scaled);
        String shifted = graph.node("Add", name + "gelu.shifted", erf, graph.scalar(1f));
        String twice = graph.node("Mul", name + "gelu.twice", x, shifted);
        yield graph.node("Mul", name + "gelu", twice, graph.scalar(0.5f));
      }
      case "relu" -> graph.node("Relu", name + "relu", x);
      default -> throw new IllegalArgumentException("activation is not known");
    };
  }

  final String linear(String name, String x) {
    return graph.node("Add", name, product(name, x), weight(name + ".bias"));
  }

  /** A linear map without its bias. */
  final String product(String name, String x) {
    Tensor matrix = model.tensor(name + ".weight");
    String weight = graph.constant(OnnxInitializer.transposed(matrix, graph.floats()));
    return graph.node("MatMul", name + ".product", x, weight);
  }

  /**
   * A layer norm.
   *
   * @param output name of its result
   * @param name of its tensors
   */
  String norm(String output, String name, String x) {
    float epsilon = (float) model.config().bert().layerNormEpsilon();
    String mean = graph.node("ReduceMean", name + ".mean", List.of(x), Attribute.axes(-1));
    String centred = graph.node("Sub", name + ".centred", x, mean);
    String squares = graph.node("Pow", name + ".squares", centred, graph.scalar(2f));
    String variance =
        graph.node("ReduceMean", name + ".variance", List.of(squares), Attribute.axes(-1));
    String positive = graph.node("Add", name + ".positive", variance, graph.scalar(epsilon));
    String deviation = graph.node("Sqrt", name + ".deviation", positive);
    String standard = graph.node("Div", name + ".standard", centred, deviation);
    String scaled = graph.node("Mul", name + ".scaled", standard, weight(name + ".weight"));
    return graph.node("Add", output, scaled, weight(name + ".bias"));
  }

  private String transposed(String name, String x, long... order) {
    return graph.node("Transpose", name, List.of(x), Attribute.of("perm", order));
  }

  final String weight(String name) {
    return graph.weight(model.tensor(name));
  }
}
