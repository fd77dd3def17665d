package dev.offramp.models;

import dev.offramp.models.BertOnnxGraph.Linear;
import dev.offramp.models.BertOnnxGraph.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Follows the hidden states through an ONNX graph, layer by layer, and refuses what BERT (Devlin et
 * al., arXiv 1810.04805; post-norm) does not do with them: the tensors of its relatives have the
 * same names. The forms are those of PyTorch's exporters, as they are or optimised.
 */
final class BertOnnxEncoder {
  /** More than exporters write between the projections of an attention and its output. */
  private static final int MAX_STEPS = 64;

  /** Constants may be rounded to F16, twice where queries and keys are scaled alike. */
  private static final double SCALE_TOLERANCE = 2e-3;

  /** Constants rounded to F16 change GELU by 3e-5; its approximation with tanh, by 4e-4 at 3. */
  private static final double ACTIVATION_TOLERANCE = 6e-5;

  private static final double[] POINTS = {-3, -2, -1, -0.5, 0.5, 1, 2, 3};

  private final BertOnnxGraph bert;
  private final OnnxGraph graph;
  private final int hiddenSize;

  private int heads;
  private double epsilon;
  private String activation;

  /**
   * What no tensor's shape says, the same in all layers.
   *
   * @param activation {@code gelu} or {@code relu}
   */
  record Settings(int heads, double epsilon, String activation) {}

  private BertOnnxEncoder(BertOnnxGraph bert, int hiddenSize) {
    this.bert = bert;
    this.graph = bert.graph();
    this.hiddenSize = hiddenSize;
  }

  /**
   * Checks all layers.
   *
   * @throws InputException if the graph computes something else than BERT, or layers differ
   */
  static Settings read(BertOnnxGraph bert, int layers, int hiddenSize) {
    BertOnnxEncoder encoder = new BertOnnxEncoder(bert, hiddenSize);
    String hidden = encoder.embeddings();
    encoder.heads = encoder.heads(BertTensors.layer(0, BertTensors.QUERY));
    encoder.activation = encoder.activation(0);
    for (int layer = 0; layer < layers; layer++) {
      hidden = encoder.layer(layer, hidden);
    }
    return new Settings(encoder.heads, encoder.epsilon, encoder.activation);
  }

  private String embeddings() {
    Norm norm = bert.norm(BertTensors.EMBEDDING_NORM);
    epsilon = norm.epsilon();
    BertOnnxEmbeddings.require(bert, norm.input());
    return norm.output();
  }

  private String layer(int layer, String hidden) {
    attention(layer, hidden);
    String attended = sumAndNorm(BertTensors.layer(layer, "attention.output"), hidden);
    requireInput(BertTensors.layer(layer, BertTensors.INTERMEDIATE), attended);
    if (!activation(layer).equals(activation)) {
      throw other(
          BertTensors.layer(layer, BertTensors.INTERMEDIATE),
          "has another activation after it than layer 0");
    }
    return sumAndNorm(BertTensors.layer(layer, "output"), attended);
  }

  /** A linear map, the sum of its output and of what it was made from, and the norm of that. */
  private String sumAndNorm(String name, String skipped) {
    String dense = bert.linear(name + ".dense").output();
    String normName = name + ".LayerNorm";
    Norm norm = bert.norm(normName);
    List<String> summands =
        graph.producer(graph.origin(norm.input()), "Add").map(OnnxNode::inputs).orElse(List.of());
    if (!origins(List.of(dense, skipped)).equals(origins(summands))) {
      throw other(
          normName,
          "does not take the sum of " + name + ".dense and of the layer norm before, the residual");
    }
    if (norm.epsilon() != epsilon) {
      throw other(
          normName, "has epsilon " + norm.epsilon() + " where the embeddings have " + epsilon);
    }
    return norm.output();
  }

  private Set<String> origins(List<String> values) {
    return values.stream().map(graph::origin).collect(Collectors.toSet());
  }

  private Linear requireInput(String name, String input) {
    Linear linear = bert.linear(name);
    if (!graph.origin(linear.input()).equals(graph.origin(input))) {
      throw other(name, "is not applied to the layer norm before it");
    }
    return linear;
  }

  private void attention(int layer, String hidden) {
    String queryName = BertTensors.layer(layer, BertTensors.QUERY);
    List<String> outputs = new ArrayList<>();
    for (String part : List.of("query", "key", "value")) {
      String name = BertTensors.layer(layer, "attention.self." + part);
      outputs.add(requireInput(name, hidden).output());
      int parts = heads(name);
      if (parts != heads) {
        throw other(name, "is split into " + parts + " heads, layer 0 into " + heads);
      }
    }
    String joined = bert.linear(BertTensors.layer(layer, "attention.output.dense")).input();
    Way queries = new Way(queryName, outputs.get(0), joined);
    queries.require("(Scale )*MatMul (Scale |Add |Where )*Softmax (Where )?MatMul ");
    Way keys =
        new Way(
            BertTensors.layer(layer, "attention.self.key"),
            outputs.get(1),
            queries.operands.getLast());
    keys.require("(Scale )*");
    new Way(
            BertTensors.layer(layer, "attention.self.value"),
            outputs.get(2),
            queries.operands.getFirst())
        .require("");
    double scale = queries.factor * keys.factor;
    double expected = 1 / Math.sqrt(headSize());
    if (!(Math.abs(scale / expected - 1) < SCALE_TOLERANCE)) {
      throw other(
          queryName,
          "has its products with keys scaled by "
              + (float) scale
              + ", not by "
              + (float) expected
              + " = 1 / sqrt(size of a head)");
    }
  }

  private double headSize() {
    return (double) hiddenSize / heads;
  }

  /** How a value comes to be from another one, which is scaled and multiplied on its way. */
  private final class Way {
    private final String name;

    /** The operations that matter, first to last, a space after each. */
    private final StringBuilder steps = new StringBuilder();

    /** The second operands of products, last to first. */
    private final List<String> operands = new ArrayList<>();

    private double factor = 1;

    Way(String name, String from, String to) {
      this.name = name;
      Set<String> dependents = graph.dependents(from);
      String value = to;
      for (int i = 0; !value.equals(from); i++) {
        OnnxNode node = i < MAX_STEPS ? graph.producer(value).orElse(null) : null;
        int[] sides = node == null ? new int[0] : sides(node, dependents);
        if (sides.length == 0) {
          throw other(name, "has no part in its attention's output");
        }
        if (sides.length > 1) {
          steps.insert(0, "itself ");
        }
        pass(node, sides[0]);
        value = node.input(sides[0]);
      }
    }

    /** The inputs that a node gets such values by, but for a Where's condition. */
    private static int[] sides(OnnxNode node, Set<String> dependents) {
      return IntStream.range(node.op().equals("Where") ? 1 : 0, node.inputs().size())
          .filter(side -> dependents.contains(node.input(side)))
          .toArray();
    }

    private void pass(OnnxNode node, int side) {
      switch (node.op()) {
        case "Cast",
            "CastLike",
            "Dropout",
            "Identity",
            "Reshape",
            "Squeeze",
            "Transpose",
            "Unsqueeze" -> {}
        case "Mul" -> scale(number(OnnxGraph.other(node, node.input(side))));
        case "Div" -> scale(side == 0 ? 1 / number(node.input(1)) : Double.NaN);
        case "MatMul" -> product(node, side);
        case "FusedMatMul" -> {
          // ONNX Runtime's; alpha is the scale.
          if (node.floats().getOrDefault("alpha", 1f) != 1) {
            scale(node.floats().get("alpha"));
          }
          product(node, side);
        }
        case "Attention" -> {
          // ONNX's own from opset 23 on.
          steps.insert(0, "MatMul Scale Softmax MatMul ");
          Float scale = node.floats().get("scale");
          factor *= scale == null ? 1 / Math.sqrt(headSize()) : scale;
          operands.addAll(List.of(node.input(2), node.input(1)));
        }
        default -> steps.insert(0, node.op() + " ");
      }
    }

    private void scale(double by) {
      steps.insert(0, Double.isNaN(by) ? "Mul " : "Scale ");
      factor *= by;
    }

    private double number(String value) {
      return OnnxNumbers.constant(graph, value, headSize()).orElse(Double.NaN);
    }

    private void product(OnnxNode node, int side) {
      steps.insert(0, side == 0 ? "MatMul " : "right MatMul ");
      operands.add(node.input(1));
    }

    void require(String expected) {
      if (!steps.toString().matches(expected)) {
        throw other(name, "passes through [" + steps.toString().strip() + "] in attention");
      }
    }
  }

  /**
   * The third of the four sizes [batch, tokens, heads, headSize] that a query, key or value is
   * reshaped to, or worked out of the fourth where it is -1: newer versions of Transformers leave
   * it open.
   */
  private int heads(String linear) {
    String shape =
        graph
            .consumer(bert.linear(linear).output(), "Reshape")
            .map(reshape -> reshape.input(1))
            .orElseThrow(() -> bert.unclear(linear, "a Reshape that splits it into heads"));
    long count = shapeAt(linear, shape, 2);
    if (count == -1) {
      long size = shapeAt(linear, shape, 3);
      count = size > 0 && hiddenSize % size == 0 ? hiddenSize / size : 0;
    }
    if (count < 1 || count > Integer.MAX_VALUE) {
      throw bert.unclear(linear, "a positive number of heads");
    }
    return (int) count;
  }

  private long shapeAt(String linear, String shape, int axis) {
    Tensor size =
        graph
            .producer(shape, "Concat")
            .filter(concat -> concat.inputs().size() == 4)
            .flatMap(concat -> graph.constant(concat.input(axis)))
            .or(() -> graph.constant(shape).filter(constant -> constant.elements() == 4))
            .filter(constant -> !constant.type().isFloat())
            .orElseThrow(() -> bert.unclear(linear, "constant numbers of heads and their size"));
    return size.longAt(size.elements() == 4 ? axis : 0);
  }

  /** Tells it by what becomes of some numbers, in whatever operations it is written. */
  private String activation(int layer) {
    String intermediate = BertTensors.layer(layer, BertTensors.INTERMEDIATE);
    String before = bert.linear(intermediate).output();
    String after = bert.linear(BertTensors.layer(layer, "output.dense")).input();
    if (is(x -> Math.max(x, 0), before, after)) {
      return "relu";
    }
    if (is(OnnxNumbers::gelu, before, after)) {
      return "gelu";
    }
    throw bert.unclear(intermediate, "GELU (with Erf) or ReLU after it");
  }

  private boolean is(DoubleUnaryOperator function, String before, String after) {
    for (double x : POINTS) {
      OptionalDouble y = OnnxNumbers.function(graph, after, before, x);
      double wanted = function.applyAsDouble(x);
      if (y.isEmpty() || !(Math.abs(y.getAsDouble() - wanted) < ACTIVATION_TOLERANCE)) {
        return false;
      }
    }
    return true;
  }

  private InputException other(String name, String problem) {
    return bert.other(bert.full(name), problem);
  }
}
