package dev.offramp.models;

import java.util.List;
import java.util.Map;

/**
 * One operation of an ONNX graph.
 *
 * @param floats attributes that are single floats
 */
record OnnxNode(String op, List<String> inputs, List<String> outputs, Map<String, Float> floats) {

  /** Input i, or an empty string if it was left out. */
  String input(int i) {
    return i < inputs.size() ? inputs.get(i) : "";
  }

  /** The only output, or the first of several. */
  String output() {
    return outputs.isEmpty() ? "" : outputs.getFirst();
  }
}
