package dev.offramp.models;

import static dev.offramp.models.OnnxType.BOOL;
import static dev.offramp.models.OnnxType.F32;

import dev.offramp.models.OnnxGraphWriter.Attribute;
import java.util.List;

/**
 * An exit head as operations of an ONNX graph. What comes after the pooling is F32, whatever the
 * layers compute in.
 */
final class OnnxHead {
  private final OnnxGraphWriter graph;
  private final Head head;

  OnnxHead(OnnxGraphWriter graph, Head head) {
    this.graph = graph;
    this.head = head;
  }

  /**
   * Maps a pooled row, F32 [batch, features], to F32 [batch, labels].
   *
   * @param weight name of an initializer [labels, features]
   * @param bias name of an initializer [labels]
   * @param output name of the logits
   */
  void logits(String pooled, String weight, String bias, String output) {
    graph.node("Gemm", output, List.of(pooled, weight, bias), Attribute.of("transB", 1));
  }

  /** The number of the largest logit, I64 [batch]. */
  void prediction(String logits, String output) {
    graph.node("ArgMax", output, List.of(logits), last(), flat());
  }

  /** F32 [batch]: the largest probability, its lead over the second, or 1 - H(p) / log labels. */
  void confidence(String logits, int labels, String output) {
    switch (head.confidence()) {
      case "top1" ->
          graph.node("ReduceMax", output, List.of(softmax(logits)), Attribute.axes(-1), flat());
      case "margin" -> {
        List<String> inputs = List.of(softmax(logits), graph.list(2));
        graph.node("TopK", List.of("two", "two_labels"), inputs, last());
        String largest = graph.node("Gather", "largest", List.of("two", graph.scalar(0)), last());
        String second = graph.node("Gather", "second", List.of("two", graph.scalar(1)), last());
        graph.node("Sub", output, largest, second);
      }
      case "entropy" -> {
        String logs = graph.node("LogSoftmax", "log_shares", List.of(logits), last());
        String terms = graph.node("Mul", "entropy_terms", graph.node("Exp", "shares", logs), logs);
        String sum =
            graph.node("ReduceSum", "negative_entropy", List.of(terms), Attribute.axes(-1), flat());
        String share =
            graph.node("Div", "entropy_share", sum, graph.scalar((float) Math.log(labels), F32));
        String raw = graph.node("Add", "unclipped", share, graph.scalar(1f, F32));
        graph.node("Clip", output, raw, graph.scalar(0f, F32), graph.scalar(1f, F32));
      }
      default -> throw new IllegalArgumentException("confidence is not known");
    }
  }

  /**
   * Pools floats [batch, sequence, hiddenSize] to F32 [batch, hiddenSize].
   *
   * @param mask I64 [batch, sequence]
   */
  String pooled(String x, String mask) {
    return graph.cast(pooledFloats(x, mask), graph.floats(), "pooled_f32", F32);
  }

  private String pooledFloats(String x, String mask) {
    String output = "pooled";
    return switch (head.pooling()) {
      case "mean" -> {
        String valid = graph.cast(mask, "valid", graph.floats());
        String row = graph.node("Unsqueeze", "valid_row", List.of(valid), Attribute.axes(1));
        String sums = graph.node("MatMul", "sums", row, x);
        String sum = graph.node("Squeeze", "sum", List.of(sums), Attribute.axes(1));
        String count = graph.node("ReduceSum", "count", List.of(valid), Attribute.axes(1));
        yield graph.node("Div", output, sum, count);
      }
      case "max" -> {
        String valid = graph.cast(mask, "valid", BOOL);
        String column = graph.node("Unsqueeze", "valid_column", List.of(valid), Attribute.axes(2));
        String least = graph.scalar(graph.floats().least());
        String states = graph.node("Where", "valid_states", column, x, least);
        yield graph.node("ReduceMax", output, List.of(states), Attribute.axes(1), flat());
      }
      case "first" ->
          graph.node("Gather", output, List.of(x, graph.scalar(0)), Attribute.of("axis", 1));
      default -> throw new IllegalArgumentException("pooling is not known");
    };
  }

  private String softmax(String logits) {
    return graph.node("Softmax", "shares", List.of(logits), last());
  }

  private static Attribute last() {
    return Attribute.of("axis", -1);
  }

  private static Attribute flat() {
    return Attribute.of("keepdims", 0);
  }
}
