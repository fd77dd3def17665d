package dev.offramp.models;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Checks that an ONNX graph adds up a word's, a position's and a token type's embedding, and
 * nothing else. Indices are computed in many ways, or are the graph's inputs: they are refused only
 * where they are known not to be positions from 0, or not to be token type 0.
 */
final class BertOnnxEmbeddings {
  private static final List<String> TABLES =
      List.of(BertTensors.WORD, BertTensors.POSITION, BertTensors.TYPE);

  /** More operations than exporters write in a row; a damaged graph may go round in circles. */
  private static final int MAX_DEPTH = 32;

  private final BertOnnxGraph bert;
  private final OnnxGraph graph;
  private final List<String> found = new ArrayList<>();

  private BertOnnxEmbeddings(BertOnnxGraph bert) {
    this.bert = bert;
    this.graph = bert.graph();
  }

  /**
   * Checks what the first layer norm takes.
   *
   * @throws InputException if it is not the sum of the three embeddings
   */
  static void require(BertOnnxGraph bert, String sum) {
    BertOnnxEmbeddings embeddings = new BertOnnxEmbeddings(bert);
    embeddings.collect(sum, List.of(), 0);
    for (String name : TABLES) {
      if (!embeddings.found.remove(name)) {
        throw bert.other(bert.full(name), "is not in the sum that the first layer norm takes");
      }
    }
    if (!embeddings.found.isEmpty()) {
      throw bert.other(bert.full(embeddings.found.getFirst()), "is added twice");
    }
  }

  /**
   * Goes back to the tables that a value is the sum of.
   *
   * @param lookups the operations that take rows of it, first the one that runs last
   */
  private void collect(String value, List<OnnxNode> lookups, int depth) {
    if (graph.constant(value).isPresent()) {
      table(value, lookups);
      return;
    }
    OnnxNode node = graph.producer(value).orElse(null);
    if (node == null || depth == MAX_DEPTH || found.size() > TABLES.size()) {
      throw strange(value);
    }
    switch (node.op()) {
      case "Add" -> {
        collect(node.input(0), lookups, depth + 1);
        collect(node.input(1), lookups, depth + 1);
      }
      case "Gather", "Slice" -> {
        List<OnnxNode> more = new ArrayList<>(lookups);
        more.add(node);
        collect(node.input(0), more, depth + 1);
      }
      case "Cast", "DequantizeLinear", "Dropout", "Expand", "Identity", "Unsqueeze" ->
          collect(node.input(0), lookups, depth + 1);
      default -> throw strange(value);
    }
  }

  private void table(String constant, List<OnnxNode> lookups) {
    String name =
        TABLES.stream()
            .filter(table -> bert.isEmbedding(constant, table))
            .findFirst()
            .orElseThrow(() -> strange(constant));
    found.add(name);
    // Exported files may take rows of the sum of positions and a token type: the last of the
    // lookups is that in the table itself.
    if (name.equals(BertTensors.POSITION)) {
      lookups.forEach(this::requirePositions);
    } else if (name.equals(BertTensors.TYPE) && !lookups.isEmpty()) {
      requireTypeZero(lookups.getLast());
    }
  }

  private void requirePositions(OnnxNode lookup) {
    // RoBERTa's positions are a running sum over the tokens that are not padding.
    if (graph.comesFrom(lookup.input(1), "CumSum")) {
      throw bert.other(
          bert.full(BertTensors.POSITION),
          "has its positions counted as RoBERTa does, from tokens that are not padding");
    }
    if (isSlice(lookup) ? skipsRows(lookup) : differs(lookup.input(1), true, 0)) {
      throw bert.other(
          bert.full(BertTensors.POSITION), "is taken by positions that do not begin at 0");
    }
  }

  private void requireTypeZero(OnnxNode lookup) {
    if (isSlice(lookup) ? skipsRows(lookup) : differs(lookup.input(1), false, 0)) {
      throw bert.other(bert.full(BertTensors.TYPE), "is taken by a token type that is not 0");
    }
  }

  /**
   * Whether indices are known not to be 0, 1, 2, …, or not all 0.
   *
   * @param ascending whether they should be 0, 1, 2, …
   */
  private boolean differs(String indices, boolean ascending, int depth) {
    Tensor constant = graph.constant(indices).orElse(null);
    if (constant != null) {
      return isOther(constant, ascending);
    }
    OnnxNode node = graph.producer(indices).orElse(null);
    if (node == null || depth == MAX_DEPTH) {
      return false;
    }
    return switch (node.op()) {
      case "Cast", "Expand", "Gather", "Identity", "Reshape", "Squeeze", "Unsqueeze" ->
          differs(node.input(0), ascending, depth + 1);
      case "Slice" ->
          (ascending && skipsRows(node)) || differs(node.input(0), ascending, depth + 1);
      case "Range" -> isNumberBut(node.input(0), 0) || isNumberBut(node.input(2), 1);
      case "Add", "Sub" ->
          isNumberBut(node.input(1), 0)
              || (node.op().equals("Add") && isNumberBut(node.input(0), 0))
              || differs(node.input(0), ascending, depth + 1);
      default -> false;
    };
  }

  private static boolean isOther(Tensor indices, boolean ascending) {
    if (indices.type().isFloat()) {
      return true;
    }
    long row = indices.shape().isEmpty() ? 1 : indices.shape().getLast();
    return LongStream.range(0, indices.elements())
        .anyMatch(i -> indices.longAt(i) != (ascending ? i % row : 0));
  }

  /**
   * Whether a Slice is known not to take the first rows, one after the other. Before opset 10 its
   * bounds are attributes, which are not read: it is taken.
   */
  private boolean skipsRows(OnnxNode slice) {
    return graph.constant(slice.input(1)).filter(starts -> isOther(starts, false)).isPresent()
        || isNumberBut(slice.input(4), 1);
  }

  private static boolean isSlice(OnnxNode node) {
    return node.op().equals("Slice");
  }

  private boolean isNumberBut(String value, double expected) {
    return OnnxNumbers.constant(graph, value, Double.NaN).stream()
        .anyMatch(number -> number != expected);
  }

  private InputException strange(String value) {
    return bert.other(value, "is part of the sum that the first layer norm takes");
  }
}
