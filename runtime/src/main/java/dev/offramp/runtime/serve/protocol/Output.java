package dev.offramp.runtime.serve.protocol;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a response may tell, each a tensor with a value for each input. */
public enum Output {
  PREDICTION("INT32"),
  CONFIDENCE("FP32"),
  EXIT("INT32"),
  /** Shape [inputs, classes], those of the exit taken. */
  PROBABILITIES("FP32"),
  LABEL("BYTES");

  /** What is told if a request names nothing. */
  static final List<Output> USUAL = List.of(PREDICTION, CONFIDENCE, EXIT);

  private final String tensor = name().toLowerCase(Locale.ROOT);
  private final String datatype;

  Output(String datatype) {
    this.datatype = datatype;
  }

  /** Its name in JSON. */
  public String tensor() {
    return tensor;
  }

  /** Of the protocol. */
  public String datatype() {
    return datatype;
  }

  static Optional<Output> of(String tensor) {
    return Arrays.stream(values()).filter(output -> output.tensor.equals(tensor)).findFirst();
  }

  static String all() {
    return Arrays.stream(values()).map(Output::tensor).collect(Collectors.joining(", "));
  }
}
