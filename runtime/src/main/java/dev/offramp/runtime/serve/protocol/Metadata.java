package dev.offramp.runtime.serve.protocol;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ResnetArchitecture.Image;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes what a server and its models say of themselves. All bodies are JSON in UTF-8. */
public final class Metadata {
  /** In a shape: as many as a request likes. */
  private static final int ANY = -1;

  private Metadata() {}

  /**
   * What the server is.
   *
   * @param extensions of the protocol that it has
   */
  public static byte[] server(String version, List<String> extensions) {
    JsonObject json = new JsonObject();
    json.addProperty("name", "offramp");
    json.addProperty("version", version);
    json.add("extensions", strings(extensions));
    return bytes(json);
  }

  /**
   * What a model takes and tells. Tools send all inputs that are named, so only the usual one is;
   * the parameter {@code alternative_inputs} names those that may be sent in its place.
   *
   * @param config of a model with exits
   * @param name under which it is served
   * @param versions that may be asked for; left out if there are none
   * @param parameters strings, numbers and booleans that say more; not changed
   */
  public static byte[] model(
      ModelConfig config, String name, List<String> versions, JsonObject parameters) {
    JsonArray inputs = new JsonArray();
    JsonObject more = parameters.deepCopy();
    if (config.takesTexts()) {
      inputs.add(tensor(TextInputs.TEXT, "BYTES", ANY));
      more.addProperty(
          "alternative_inputs",
          "%s INT64 [-1,-1], and %s INT64 [-1,-1] where rows are padded"
              .formatted(TextInputs.IDS, TextInputs.MASK));
    } else {
      Image image = config.resnet().image();
      inputs.add(tensor(ImageInputs.IMAGE, "BYTES", ANY));
      more.addProperty(
          "alternative_inputs",
          "%s UINT8 [-1,%d,%d,%d]"
              .formatted(ImageInputs.PIXELS, image.height(), image.width(), image.channels()));
    }
    JsonArray outputs = new JsonArray();
    for (Output output : Output.values()) {
      outputs.add(
          output == Output.PROBABILITIES
              ? tensor(output.tensor(), output.datatype(), ANY, config.labels().size())
              : tensor(output.tensor(), output.datatype(), ANY));
    }
    JsonObject json = new JsonObject();
    json.addProperty("name", name);
    if (!versions.isEmpty()) {
      json.add("versions", strings(versions));
    }
    json.addProperty("platform", "offramp_" + config.family());
    json.add("inputs", inputs);
    json.add("outputs", outputs);
    json.add("parameters", more);
    return bytes(json);
  }

  private static JsonObject tensor(String name, String datatype, int... shape) {
    JsonObject tensor = new JsonObject();
    tensor.addProperty("name", name);
    tensor.addProperty("datatype", datatype);
    JsonArray sizes = new JsonArray();
    for (int size : shape) {
      sizes.add(size);
    }
    tensor.add("shape", sizes);
    return tensor;
  }

  private static JsonArray strings(List<String> strings) {
    JsonArray array = new JsonArray();
    strings.forEach(array::add);
    return array;
  }

  /** Whether a model is ready. */
  public static byte[] modelReady(String name, boolean ready) {
    JsonObject json = new JsonObject();
    json.addProperty("name", name);
    json.addProperty("ready", ready);
    return bytes(json);
  }

  /** Whether all models are ready. The protocol calls the field live, most servers ready. */
  public static byte[] serverReady(boolean ready) {
    JsonObject json = new JsonObject();
    json.addProperty("live", ready);
    json.addProperty("ready", ready);
    return bytes(json);
  }

  /** That the server is alive. */
  public static byte[] serverLive() {
    JsonObject json = new JsonObject();
    json.addProperty("live", true);
    return bytes(json);
  }

  private static byte[] bytes(JsonObject json) {
    return InferResponse.GSON.toJson(json).getBytes(StandardCharsets.UTF_8);
  }
}
