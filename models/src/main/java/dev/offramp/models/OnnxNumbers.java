package dev.offramp.models;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Works out what a part of an ONNX graph computes from single numbers: a scale from its constants,
 * or an activation, which is a function of each number alone, at a point.
 */
final class OnnxNumbers {
  /** Deeper than any scale or activation that an exporter writes. */
  private static final int MAX_DEPTH = 64;

  private final OnnxGraph graph;
  private final double lastSize;

  /** Values that are known by now; NaN for those that cannot be worked out. */
  private final Map<String, Double> known = new HashMap<>();

  private OnnxNumbers(OnnxGraph graph, double lastSize) {
    this.graph = graph;
    this.lastSize = lastSize;
  }

  /**
   * Works out a value.
   *
   * @param lastSize the last size of what has been transposed: exporters take the size of a head
   *     from the shape of the queries
   */
  static OptionalDouble constant(OnnxGraph graph, String value, double lastSize) {
    return new OnnxNumbers(graph, lastSize).of(value);
  }

  /** Works out a value, given what another one is. */
  static OptionalDouble function(OnnxGraph graph, String value, String argument, double x) {
    OnnxNumbers numbers = new OnnxNumbers(graph, Double.NaN);
    numbers.known.put(argument, x);
    return numbers.of(value);
  }

  private OptionalDouble of(String value) {
    double number = number(value, 0);
    return Double.isNaN(number) ? OptionalDouble.empty() : OptionalDouble.of(number);
  }

  private double number(String value, int depth) {
    Double done = known.get(value);
    if (done != null) {
      return done;
    }
    double number = depth > MAX_DEPTH ? Double.NaN : computed(value, depth + 1);
    known.put(value, number);
    return number;
  }

  private double computed(String value, int depth) {
    Tensor constant = graph.constant(value).orElse(null);
    if (constant != null) {
      return constant.elements() == 1 ? constant.floatAt(0) : Double.NaN;
    }
    OnnxNode node = graph.producer(value).orElse(null);
    return node == null ? Double.NaN : result(node, depth);
  }

  private double result(OnnxNode node, int depth) {
    if (node.op().equals("Shape")) {
      // Of anything else, such as the hidden states, the size is another.
      return graph.producer(node.input(0), "Transpose").isPresent() ? lastSize : Double.NaN;
    }
    double x = number(node.input(0), depth);
    return switch (node.op()) {
      case "Constant" -> node.floats().getOrDefault("value_float", Float.NaN);
      case "Cast", "CastLike", "Dropout", "Identity", "Squeeze", "Unsqueeze" -> x;
      case "Gather", "Slice" -> isLastSize(node) ? x : Double.NaN;
      case "Sqrt" -> Math.sqrt(x);
      case "Reciprocal" -> 1 / x;
      case "Relu" -> Math.max(x, 0);
      case "Erf" -> erf(x);
      case "Gelu" -> isExact(node) ? gelu(x) : Double.NaN;
      case "Add" -> x + number(node.input(1), depth);
      case "Sub" -> x - number(node.input(1), depth);
      case "Mul" -> x * number(node.input(1), depth);
      case "Div" -> x / number(node.input(1), depth);
      case "Pow" -> Math.pow(x, number(node.input(1), depth));
      default -> Double.NaN;
    };
  }

  /** Whether a Gather or Slice takes the last of four sizes. */
  private boolean isLastSize(OnnxNode node) {
    return graph.producer(node.input(0), "Shape").isPresent()
        && graph
            .constant(node.input(1))
            .filter(index -> !index.type().isFloat() && index.elements() == 1)
            .filter(index -> index.longAt(0) == -1 || index.longAt(0) == 3)
            .isPresent();
  }

  private static boolean isExact(OnnxNode node) {
    return !node.strings().getOrDefault("approximate", "").equals("tanh");
  }

  static double gelu(double x) {
    return x / 2 * (1 + erf(x / Math.sqrt(2)));
  }

  /** Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7. */
  private static double erf(double x) {
    double t = 1 / (1 + 0.3275911 * Math.abs(x));
    double series =
        t
            * (0.254829592
                + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return Math.copySign(1 - series * Math.exp(-x * x), x);
  }
}
