package dev.offramp.runtime.serve.protocol;

import dev.offramp.models.ModelConfig;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.runtime.Request;
import java.io.IOException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Predicate;

/** Reads one inference request, whose fields come in any order. */
final class InferReader {
  private static final int LONGEST_ID = 256;

  /** Token ids and their mask. */
  private static final int MOST_TENSORS = 2;

  private final ModelConfig config;
  private final InferLimits limits;
  private final Predicate<Duration> late;
  private final SequencedMap<String, InputTensor> tensors = new LinkedHashMap<>();
  private final List<Output> outputs = new ArrayList<>();
  private JsonBody body;
  private TensorData.Bounds bounds;
  private String id;
  private boolean fullDepth;
  private Duration timeout;
  private boolean hasInputs;

  InferReader(ModelConfig config, InferLimits limits, Predicate<Duration> late) {
    this.config = config;
    this.limits = limits;
    this.late = late;
    timeout = limits.deadline();
  }

  InferRequest read(byte[] bytes) {
    bounds = bounds(bytes.length);
    JsonBody.read(
        bytes,
        document -> {
          body = document;
          body.object(this::field);
        });
    if (!hasInputs) {
      throw new BadRequestException("$.inputs", "is missing; add it");
    }
    List<Output> told = outputs.isEmpty() ? Output.USUAL : outputs;
    boolean probabilities = told.contains(Output.PROBABILITIES);
    List<Request> requests =
        inputs().stream()
            .map(input -> new Request(input, timeout, fullDepth, probabilities))
            .toList();
    return new InferRequest(id, requests, told);
  }

  private TensorData.Bounds bounds(int bodyLength) {
    long numbers = (long) limits.batch() * config.longestRow();
    int characters = limits.textCharacters();
    if (!config.takesTexts()) {
      numbers *= config.resnet().image().channels();
      characters = (int) Math.min((limits.imageBytes() + 2L) / 3 * 4, Integer.MAX_VALUE);
    }
    // A number and what parts it from the next are two characters or more.
    return new TensorData.Bounds(
        limits.batch(), characters, (int) Math.min(numbers, bodyLength / 2 + 1));
  }

  private void field(String name, String path) throws IOException {
    switch (name) {
      case "id" -> {
        if (!body.isNull()) {
          id = id(path);
        }
      }
      case "parameters" -> {
        if (!body.isNull()) {
          body.object(this::parameter);
        }
      }
      case "inputs" -> {
        hasInputs = true;
        body.list(this::tensor);
      }
      case "outputs" -> {
        if (!body.isNull()) {
          body.list(this::output);
        }
      }
      default ->
          throw new BadRequestException(
              path, "unknown field; remove it (known here: id, parameters, inputs, outputs)");
    }
  }

  private String id(String path) throws IOException {
    String given = body.string();
    if (given.length() > LONGEST_ID) {
      throw new BadRequestException(
          path, "is longer than %d characters; make it shorter".formatted(LONGEST_ID));
    }
    return given;
  }

  private void parameter(String name, String path) throws IOException {
    switch (name) {
      case "full_depth" -> fullDepth = body.bool();
      case "timeout" -> timeout = timeout(path);
      case "binary_data_output" -> noBinary(path);
      case "lambda", "threshold", "thresholds", "certificate" ->
          throw new BadRequestException(
              path,
              "thresholds are certified, a request cannot change them; remove it (full_depth asks"
                  + " for more care)");
      default ->
          throw new BadRequestException(
              path, "unknown parameter; remove it (known here: full_depth, timeout)");
    }
  }

  private Duration timeout(String path) throws IOException {
    long micros = body.whole();
    long longest = limits.longestDeadline().toNanos() / 1_000;
    if (micros < 1 || micros > longest) {
      throw new BadRequestException(
          path, "is %d, must be 1 to %d microseconds".formatted(micros, longest));
    }
    return Duration.of(micros, ChronoUnit.MICROS);
  }

  private void noBinary(String path) throws IOException {
    if (body.bool()) {
      throw new BadRequestException(
          path, "the binary data extension is not supported; set it to false");
    }
  }

  private void tensor(String path) throws IOException {
    if (tensors.size() == MOST_TENSORS) {
      throw new BadRequestException(
          path, "is one tensor more than any model takes; send " + known());
    }
    InputTensor tensor = InputTensor.read(body, path, bounds);
    if (tensors.putIfAbsent(tensor.name(), tensor) != null) {
      throw new BadRequestException(path + ".name", "is given twice; remove one");
    }
  }

  private void output(String path) throws IOException {
    Output[] named = {null};
    body.object((field, at) -> {
      switch (field) {
        case "name" -> named[0] = output(body.string(), at);
        case "parameters" -> {
          if (!body.isNull()) {
            body.object(this::outputParameter);
          }
        }
        default ->
            throw new BadRequestException(
                at, "unknown field; remove it (known here: name, parameters)");
      }
    });
    if (named[0] == null) {
      throw new BadRequestException(path + ".name", "is missing; add it");
    }
    if (outputs.contains(named[0])) {
      throw new BadRequestException(path + ".name", "is given twice; remove one");
    }
    outputs.add(named[0]);
  }

  private static Output output(String name, String path) {
    return Output.of(name)
        .orElseThrow(() ->
            new BadRequestException(
                path,
                "there is no output %s; ask for %s"
                    .formatted(BadRequestException.quote(name), Output.all())));
  }

  private void outputParameter(String name, String path) throws IOException {
    if (!name.equals("binary_data")) {
      throw new BadRequestException(path, "unknown parameter; remove it");
    }
    noBinary(path);
  }

  /** What the model takes of the tensors sent; exactly one way to send inputs. */
  private List<Request.Input> inputs() {
    return config.takesTexts() ? texts() : images();
  }

  private List<Request.Input> texts() {
    TextInputs inputs = new TextInputs(config, limits);
    InputTensor mask = tensors.remove(TextInputs.MASK);
    InputTensor tensor = only(TextInputs.TEXT, TextInputs.IDS);
    if (tensor.name().equals(TextInputs.IDS)) {
      return inputs.rows(tensor, mask);
    }
    if (mask != null) {
      throw new BadRequestException(
          mask.path(), "texts have no attention_mask; send it with input_ids, or remove it");
    }
    return inputs.texts(tensor);
  }

  private List<Request.Input> images() {
    ImageInputs inputs = new ImageInputs(config, limits);
    InputTensor tensor = only(ImageInputs.IMAGE, ImageInputs.PIXELS);
    return tensor.name().equals(ImageInputs.IMAGE)
        ? inputs.files(tensor, () -> late.test(timeout))
        : inputs.pixels(tensor);
  }

  private InputTensor only(String one, String other) {
    for (InputTensor tensor : tensors.values()) {
      if (!tensor.name().equals(one) && !tensor.name().equals(other)) {
        throw new BadRequestException(
            tensor.path() + ".name",
            "there is no input %s; send %s"
                .formatted(BadRequestException.quote(tensor.name()), known()));
      }
    }
    if (tensors.size() != 1) {
      throw new BadRequestException(
          "$.inputs", "holds %d ways to send inputs; send %s".formatted(tensors.size(), known()));
    }
    return tensors.firstEntry().getValue();
  }

  private String known() {
    if (config.takesTexts()) {
      return "text, or input_ids with or without attention_mask";
    }
    Image image = config.resnet().image();
    return "image, or pixels of shape [inputs, %d, %d, %d]"
        .formatted(image.height(), image.width(), image.channels());
  }
}
