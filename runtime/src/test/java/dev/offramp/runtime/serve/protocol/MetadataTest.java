package dev.offramp.runtime.serve.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.models.ModelConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetadataTest {
  @TempDir private Path temp;

  @Test
  void saysWhatTheServerIs() {
    JsonObject json = Schema.serverMetadata(Metadata.server("1.2.3", List.of("model_repository")));
    assertThat(json.get("name").getAsString()).isEqualTo("offramp");
    assertThat(json.get("version").getAsString()).isEqualTo("1.2.3");
    assertThat(json.getAsJsonArray("extensions").toString()).isEqualTo("[\"model_repository\"]");
  }

  @Test
  void saysWhatModelsTakeAndTell() {
    JsonObject parameters = new JsonObject();
    parameters.addProperty("certificate", "c1");
    JsonObject texts =
        Schema.modelMetadata(
            Metadata.model(Bodies.texts(temp), "t", List.of("1", "2"), parameters));
    assertThat(texts.get("name").getAsString()).isEqualTo("t");
    assertThat(texts.getAsJsonArray("versions").toString()).isEqualTo("[\"1\",\"2\"]");
    assertThat(texts.get("platform").getAsString()).isEqualTo("offramp_bert");
    assertThat(tensors(texts, "inputs")).containsExactly("text BYTES [-1]");
    assertThat(tensors(texts, "outputs"))
        .containsExactly(
            "prediction INT32 [-1]",
            "confidence FP32 [-1]",
            "exit INT32 [-1]",
            "probabilities FP32 [-1,3]",
            "label BYTES [-1]");
    JsonObject told = texts.getAsJsonObject("parameters");
    assertThat(told.get("certificate").getAsString()).isEqualTo("c1");
    assertThat(told.get("alternative_inputs").getAsString()).startsWith("input_ids INT64 [-1,-1]");
    assertThat(parameters.size()).isEqualTo(1);
    JsonObject images =
        Schema.modelMetadata(Metadata.model(Bodies.images(temp), "i", List.of(), parameters));
    assertThat(images.has("versions")).isFalse();
    assertThat(images.get("platform").getAsString()).isEqualTo("offramp_resnet");
    assertThat(tensors(images, "inputs")).containsExactly("image BYTES [-1]");
    assertThat(images.getAsJsonObject("parameters").get("alternative_inputs").getAsString())
        .isEqualTo("pixels UINT8 [-1,12,10,3]");
  }

  private static List<String> tensors(JsonObject metadata, String which) {
    JsonArray tensors = metadata.getAsJsonArray(which);
    return tensors.asList().stream()
        .map(tensor -> tensor.getAsJsonObject())
        .map(tensor ->
            "%s %s %s"
                .formatted(
                    tensor.get("name").getAsString(),
                    tensor.get("datatype").getAsString(),
                    tensor.get("shape")))
        .toList();
  }

  /** What metadata names can be sent and asked for. */
  @Test
  void requestsMadeFromMetadataAreTaken() {
    ModelConfig config = Bodies.texts(temp);
    JsonObject json =
        Schema.modelMetadata(Metadata.model(config, "t", List.of(), new JsonObject()));
    StringBuilder outputs = new StringBuilder();
    for (String output : tensors(json, "outputs")) {
      String separator = outputs.isEmpty() ? "" : ",";
      outputs.append(separator).append("{\"name\":\"" + output.split(" ")[0] + "\"}");
    }
    assertThat(Bodies.parse(Bodies.text("\"outputs\":[" + outputs + "]"), config).outputs())
        .containsExactly(Output.values());
  }

  @Test
  void saysWhetherItIsReady() {
    assertThat(text(Metadata.modelReady("a\"b", true)))
        .isEqualTo("{\"name\":\"a\\\"b\",\"ready\":true}");
    assertThat(text(Metadata.modelReady("m", false))).isEqualTo("{\"name\":\"m\",\"ready\":false}");
    assertThat(text(Metadata.serverReady(false))).isEqualTo("{\"live\":false,\"ready\":false}");
    assertThat(text(Metadata.serverReady(true))).isEqualTo("{\"live\":true,\"ready\":true}");
    assertThat(text(Metadata.serverLive())).isEqualTo("{\"live\":true}");
  }

  private static String text(byte[] body) {
    return new String(body, StandardCharsets.UTF_8);
  }
}
