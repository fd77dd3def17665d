package dev.offramp.models;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Ways along the edges of an ONNX graph. */
final class OnnxGraph {
  private static final Set<String> HANDING_ON = Set.of("Cast", "CastLike", "Dropout", "Identity");

  private final Map<String, Tensor> constants;
  private final Map<String, OnnxNode> producers = new HashMap<>();
  private final Map<String, List<OnnxNode>> consumers = new HashMap<>();

  OnnxGraph(OnnxFile onnx) {
    constants = onnx.constants();
    for (OnnxNode node : onnx.nodes()) {
      node.outputs().forEach(name -> producers.put(name, node));
      node.inputs().forEach(name -> consumers(name).add(node));
    }
  }

  Optional<Tensor> constant(String name) {
    return Optional.ofNullable(constants.get(name));
  }

  /** The node that computes a value; none for constants and the graph's inputs. */
  Optional<OnnxNode> producer(String value) {
    return Optional.ofNullable(producers.get(value));
  }

  /** The node that computes a value, if it is of this operation. */
  Optional<OnnxNode> producer(String value, String op) {
    return producer(value).filter(node -> node.op().equals(op));
  }

  /** The value that this one is, but for its type: what Cast, Dropout and Identity hand on. */
  String origin(String value) {
    String origin = value;
    // A damaged graph may go round in circles.
    for (int i = 0; i < producers.size(); i++) {
      OnnxNode node = producers.get(origin);
      if (node == null || !HANDING_ON.contains(node.op())) {
        break;
      }
      origin = node.input(0);
    }
    return origin;
  }

  /** The nodes that take a value, in the order of the file. */
  List<OnnxNode> consumers(String value) {
    return consumers.computeIfAbsent(value, name -> new ArrayList<>());
  }

  Optional<OnnxNode> consumer(String value, String op) {
    return consumers(value).stream().filter(node -> node.op().equals(op)).findFirst();
  }

  /** Whether an operation takes part in computing a value. */
  boolean comesFrom(String value, String op) {
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(value));
    while (!open.isEmpty()) {
      String next = open.pop();
      OnnxNode node = seen.add(next) ? producers.get(next) : null;
      if (node != null && node.op().equals(op)) {
        return true;
      }
      if (node != null) {
        open.addAll(node.inputs());
      }
    }
    return false;
  }

  /** A value and all that are computed from its numbers, not from its sizes alone. */
  Set<String> dependents(String value) {
    Set<String> seen = new HashSet<>(Set.of(value));
    Deque<String> open = new ArrayDeque<>(seen);
    while (!open.isEmpty()) {
      for (OnnxNode node : consumers(open.pop())) {
        if (!node.op().equals("Shape")) {
          node.outputs().stream().filter(seen::add).forEach(open::add);
        }
      }
    }
    return seen;
  }

  /** The input of a two-input node that is not this one. */
  static String other(OnnxNode node, String input) {
    return node.input(0).equals(input) ? node.input(1) : node.input(0);
  }

  /** The input of a node that is a constant. */
  Optional<Tensor> constantInput(OnnxNode node) {
    return node.inputs().stream().map(this::constant).flatMap(Optional::stream).findFirst();
  }
}
