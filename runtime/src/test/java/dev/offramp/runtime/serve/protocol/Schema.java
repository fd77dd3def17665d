package dev.offramp.runtime.serve.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/** What the Open Inference Protocol asks of bodies, as assertions. */
final class Schema {
  private static final Set<String> DATATYPES =
      Set.of(
          "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
          "FP32", "FP64", "BYTES");

  private Schema() {}

  /** The object of a body in UTF-8. */
  static JsonObject object(byte[] body) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
      return JsonParser.parseString(text).getAsJsonObject();
    } catch (CharacterCodingException e) {
      throw new AssertionError("not UTF-8", e);
    }
  }

  static JsonObject inferResponse(byte[] body) {
    JsonObject json = object(body);
    fields(json, List.of("model_name", "outputs"), List.of("model_version", "id", "parameters"));
    string(json, "model_name");
    optionalString(json, "model_version");
    optionalString(json, "id");
    parameters(json);
    assertThat(json.get("outputs").isJsonArray()).isTrue();
    json.getAsJsonArray("outputs").forEach(output -> responseOutput(output.getAsJsonObject()));
    return json;
  }

  private static void responseOutput(JsonObject tensor) {
    fields(tensor, List.of("name", "shape", "datatype", "data"), List.of("parameters"));
    String datatype = datatype(tensor);
    parameters(tensor);
    long product = 1;
    for (JsonElement size : tensor.getAsJsonArray("shape")) {
      product *= whole(size, 0, Long.MAX_VALUE);
    }
    JsonArray data = tensor.getAsJsonArray("data");
    assertThat((long) data.size()).as("values of %s", tensor).isEqualTo(product);
    data.forEach(value -> value(value, datatype));
  }

  private static void value(JsonElement value, String datatype) {
    assertThat(value.isJsonPrimitive()).isTrue();
    switch (datatype) {
      case "BYTES" -> assertThat(value.getAsJsonPrimitive().isString()).isTrue();
      case "INT32" -> whole(value, Integer.MIN_VALUE, Integer.MAX_VALUE);
      case "FP32" -> {
        assertThat(value.getAsJsonPrimitive().isNumber()).isTrue();
        assertThat(value.getAsFloat()).isFinite();
      }
      default -> throw new AssertionError("no output has the type " + datatype);
    }
  }

  static JsonObject serverMetadata(byte[] body) {
    JsonObject json = object(body);
    fields(json, List.of("name", "version", "extensions"), List.of());
    string(json, "name");
    string(json, "version");
    strings(json.getAsJsonArray("extensions"));
    return json;
  }

  /** With parameters, which the protocol leaves to servers. */
  static JsonObject modelMetadata(byte[] body) {
    JsonObject json = object(body);
    fields(
        json, List.of("name", "platform", "inputs", "outputs"), List.of("versions", "parameters"));
    string(json, "name");
    assertThat(string(json, "platform")).matches("[a-z0-9]+_[a-z0-9]+");
    if (json.has("versions")) {
      strings(json.getAsJsonArray("versions"));
    }
    parameters(json);
    for (String tensors : List.of("inputs", "outputs")) {
      assertThat(json.getAsJsonArray(tensors)).isNotEmpty();
      json.getAsJsonArray(tensors).forEach(tensor -> metadataTensor(tensor.getAsJsonObject()));
    }
    return json;
  }

  private static void metadataTensor(JsonObject tensor) {
    fields(tensor, List.of("name", "datatype", "shape"), List.of());
    datatype(tensor);
    tensor.getAsJsonArray("shape").forEach(size -> whole(size, -1, Long.MAX_VALUE));
  }

  private static String datatype(JsonObject tensor) {
    string(tensor, "name");
    String datatype = string(tensor, "datatype");
    assertThat(DATATYPES).contains(datatype);
    return datatype;
  }

  private static void parameters(JsonObject json) {
    if (json.has("parameters")) {
      json.getAsJsonObject("parameters")
          .asMap()
          .forEach((name, value) -> assertThat(value.isJsonPrimitive()).as(name).isTrue());
    }
  }

  private static void fields(JsonObject json, List<String> required, List<String> optional) {
    assertThat(json.keySet()).containsAll(required);
    assertThat(json.keySet()).allMatch(key -> required.contains(key) || optional.contains(key));
  }

  private static String string(JsonObject json, String field) {
    JsonPrimitive value = json.getAsJsonPrimitive(field);
    assertThat(value.isString()).as(field).isTrue();
    return value.getAsString();
  }

  private static void optionalString(JsonObject json, String field) {
    if (json.has(field)) {
      string(json, field);
    }
  }

  private static void strings(JsonArray array) {
    assertThat(array).allMatch(value -> value.getAsJsonPrimitive().isString());
  }

  private static long whole(JsonElement value, long least, long most) {
    assertThat(value.getAsJsonPrimitive().isNumber()).isTrue();
    assertThat(value.getAsString()).matches("-?[0-9]+");
    assertThat(value.getAsLong()).isBetween(least, most);
    return value.getAsLong();
  }
}
