package dev.offramp.models;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The operations of a BERT encoder in an ONNX graph, found by the names of its tensors. */
final class BertOnnxGraph {
  private static final String QUANTIZED = "_quantized";

  private final Path file;
  private final OnnxGraph graph;

  /** What stands before the usual names, such as {@code bert.}. */
  private final String prefix;

  /**
   * A linear map.
   *
   * @param input what is multiplied, before it is quantised
   * @param product the MatMul or MatMulInteger
   * @param scale name of the matrix's scale, empty for a MatMul
   * @param output the product with the bias added
   */
  record Linear(String input, OnnxNode product, String scale, String output) {}

  /**
   * A layer norm.
   *
   * @param input the value that is normalised
   */
  record Norm(String input, double epsilon, String output) {}

  /**
   * @throws InputException if the graph has no BERT encoder, or more than one
   */
  BertOnnxGraph(Path file, OnnxFile onnx) {
    this.file = file;
    graph = new OnnxGraph(onnx);
    String landmark = BertTensors.EMBEDDING_NORM + ".weight";
    List<String> found =
        onnx.constants().keySet().stream().filter(name -> name.endsWith(landmark)).toList();
    if (found.isEmpty()) {
      throw missing(landmark);
    }
    if (found.size() > 1) {
      throw other(found.get(1), "is of a second encoder");
    }
    prefix = found.getFirst().substring(0, found.getFirst().length() - landmark.length());
  }

  OnnxGraph graph() {
    return graph;
  }

  /** The name in the file of a tensor by its usual name. */
  String full(String name) {
    return prefix + name;
  }

  /** A tensor by its usual name. */
  Optional<Tensor> tensor(String name) {
    return graph.constant(full(name));
  }

  /** An embedding that became quantised. */
  Optional<Tensor> quantisedEmbedding(String name) {
    return graph.constant(full(name) + QUANTIZED);
  }

  /** Whether a constant is the embedding of a name, quantised or not. */
  boolean isEmbedding(String constant, String name) {
    return constant.equals(full(name)) || constant.equals(full(name) + QUANTIZED);
  }

  /**
   * The linear map of a name without {@code .weight}.
   *
   * @throws InputException if no MatMul or MatMulInteger comes before its bias
   */
  Linear linear(String name) {
    String bias = full(name + ".bias");
    OnnxNode add =
        graph.consumer(bias, "Add").orElseThrow(() -> unclear(name, "an Add of its bias"));
    String product = graph.origin(OnnxGraph.other(add, bias));
    return graph
        .producer(product, "MatMul")
        .map(matMul -> new Linear(matMul.input(0), matMul, "", add.output()))
        .or(() -> graph.producer(product, "Mul").flatMap(mul -> quantised(mul, add.output())))
        .orElseThrow(() ->
            unclear(
                name, "a MatMul, or a MatMulInteger, its Cast and its scales, before its bias"));
  }

  /** Mul(Cast(MatMulInteger(x, w, _, zero)), Mul(scale of x, scale of w)). */
  private Optional<Linear> quantised(OnnxNode mul, String output) {
    for (int i = 0; i < 2; i++) {
      Optional<OnnxNode> product =
          graph
              .producer(mul.input(i), "Cast")
              .flatMap(cast -> graph.producer(cast.input(0), "MatMulInteger"));
      Optional<String> scale =
          graph
              .producer(mul.input(1 - i), "Mul")
              .flatMap(scales ->
                  scales.inputs().stream()
                      .filter(input -> graph.constant(input).isPresent())
                      .findFirst());
      if (product.isPresent() && scale.isPresent()) {
        String rounded = product.get().input(0);
        String input =
            graph
                .producer(rounded, "DynamicQuantizeLinear")
                .map(quantize -> quantize.input(0))
                .orElse(rounded);
        return Optional.of(new Linear(input, product.get(), scale.get(), output));
      }
    }
    return Optional.empty();
  }

  /**
   * The layer norm of a name, weight · (x − mean) / sqrt(variance + epsilon) + bias, spelled out or
   * as one node.
   *
   * @throws InputException if it is neither
   */
  Norm norm(String name) {
    String weight = full(name + ".weight");
    return graph
        .consumer(weight, "LayerNormalization")
        .map(node ->
            new Norm(
                node.input(0),
                decimal(node.floats().getOrDefault("epsilon", 1e-5f)),
                node.output()))
        .or(() -> graph.consumer(weight, "Mul").flatMap(mul -> spelledOut(name, mul)))
        .orElseThrow(() -> unclear(name, "a layer norm with an epsilon"));
  }

  private Optional<Norm> spelledOut(String name, OnnxNode mul) {
    Optional<OnnxNode> div = graph.producer(OnnxGraph.other(mul, full(name + ".weight")), "Div");
    Optional<String> input =
        div.flatMap(node -> graph.producer(node.input(0), "Sub")).map(sub -> sub.input(0));
    Optional<Double> epsilon =
        div.flatMap(node -> graph.producer(node.input(1), "Sqrt"))
            .flatMap(sqrt -> graph.producer(sqrt.input(0), "Add"))
            .flatMap(graph::constantInput)
            .filter(constant -> constant.elements() == 1)
            .map(constant -> decimal(constant.floatAt(0)));
    Optional<String> output =
        graph
            .consumer(full(name + ".bias"), "Add")
            .filter(add -> add.inputs().contains(mul.output()))
            .map(OnnxNode::output);
    return input.isPresent() && epsilon.isPresent() && output.isPresent()
        ? Optional.of(new Norm(input.get(), epsilon.get(), output.get()))
        : Optional.empty();
  }

  /** The double of the same decimal digits: 1e-12, not 9.999999960041972e-13. */
  private static double decimal(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  InputException missing(String name) {
    return InputException.in(
        file, name, "not found, so this is no BERT encoder; name another model");
  }

  InputException unclear(String name, String wanted) {
    return InputException.in(
        file, name, "the graph has not " + wanted + "; export it with PyTorch's exporter");
  }

  /** The graph computes something else than BERT does. */
  InputException other(String name, String problem) {
    return InputException.in(
        file,
        name,
        problem
            + ", so the graph computes something else than BERT; if this is a BERT, import its"
            + " .safetensors with its config.json beside it");
  }
}
