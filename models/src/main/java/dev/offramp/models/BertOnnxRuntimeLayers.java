package dev.offramp.models;

import dev.offramp.models.OnnxGraphWriter.Attribute;
import java.util.List;
import java.util.stream.Stream;

/**
 * The same layers in the operators that ONNX Runtime has for them on cards, which it finds patterns
 * for in F32 with certainty only: an attention with its projections, norms with the sum and the
 * bias before them, GELU with its bias. Other runtimes do not know these operators.
 */
final class BertOnnxRuntimeLayers extends BertOnnxLayers {
  BertOnnxRuntimeLayers(OnnxGraphWriter graph, ModelDirectory model) {
    super(graph, model);
  }

  /** Summed here: on the processor, where it loads files, ONNX Runtime adds nothing in F16. */
  @Override
  String table() {
    return graph.constant(
        OnnxInitializer.plusFirstRow(
            "positions",
            model.tensor(BertTensors.POSITION),
            model.tensor(BertTensors.TYPE),
            graph.floats()));
  }

  /**
   * I64 [batch, sequence] of 1 and 0, padding last, to I32 [batch], the number of tokens: in this
   * form it takes the attentions that are fused throughout.
   */
  @Override
  String mask(String mask) {
    String ones = graph.cast(mask, "mask_ones", OnnxType.I32);
    return graph.node(
        "ReduceSum", "lengths", List.of(ones), Attribute.axes(1), Attribute.of("keepdims", 0));
  }

  @Override
  String layer(int index, String x, String lengths, String output) {
    String name = BertTensors.layer(index, "");
    String attention = name + "attention.";
    String mixed =
        graph.ownOf(
            "Attention",
            attention + "mixed",
            List.of(x, projections(attention, "weight"), projections(attention, "bias"), lengths),
            Attribute.of("num_heads", heads));
    String attended = attention + "output.LayerNorm";
    sumAndNorm(attended, attention + "output", mixed, x);
    return sumAndNorm(output, name + "output", activation(name, attended), attended);
  }

  private String projections(String attention, String part) {
    List<Tensor> parts =
        Stream.of("query", "key", "value")
            .map(of -> model.tensor(attention + "self." + of + "." + part))
            .toList();
    return graph.constant(
        OnnxInitializer.sideBySide(attention + "projections." + part, parts, graph.floats()));
  }

  private String activation(String name, String x) {
    String intermediate = name + BertTensors.INTERMEDIATE;
    return model.config().bert().activation().equals("gelu")
        ? graph.ownOf(
            "BiasGelu",
            name + "gelu",
            List.of(product(intermediate, x), weight(intermediate + ".bias")))
        : graph.node("Relu", name + "relu", linear(intermediate, x));
  }

  /**
   * The norm of a sum.
   *
   * @param output name of its result
   * @param name of the tensors, a linear map and a norm
   * @param x to be mapped
   * @param skipped added as it is
   */
  private String sumAndNorm(String output, String name, String x, String skipped) {
    return graph.ownOf(
        "SkipLayerNormalization",
        output,
        List.of(
            product(name + ".dense", x),
            skipped,
            weight(name + ".LayerNorm.weight"),
            weight(name + ".LayerNorm.bias"),
            weight(name + ".dense.bias")),
        epsilon());
  }

  /** ONNX Runtime takes it in all versions; ONNX itself from opset 17 on. */
  @Override
  String norm(String output, String name, String x) {
    List<String> inputs = List.of(x, weight(name + ".weight"), weight(name + ".bias"));
    return graph.node("LayerNormalization", output, inputs, epsilon());
  }

  private Attribute epsilon() {
    return Attribute.of("epsilon", (float) model.config().bert().layerNormEpsilon());
  }
}
