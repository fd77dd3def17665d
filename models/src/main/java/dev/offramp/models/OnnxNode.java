package dev.offramp.models;

import java.util.List;
import java.util.Map;

/**
 * One operation of an ONNX graph.
 *
 * @param floats attributes that are single floats
 * @param strings attributes that are single strings
 */
record OnnxNode(
    String op,
    List<String> inputs,
    List<String> outputs,
    Map<String, Float> floats,
    Map<String, String> strings) {

  /** Input i, or an empty string if it was left out. */
  String input(int i) {
    return i < inputs.size() ? inputs.get(i) : "";
  }

  /** The only output, or the first of several. */
  String output() {
    return outputs.isEmpty() ? "" : outputs.getFirst();
  }
}
