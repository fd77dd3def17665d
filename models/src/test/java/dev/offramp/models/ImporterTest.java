package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImporterTest {
  @TempDir Path temp;

  @Test
  void importsFp32AndInt8OfTheSameModel() {
    Path fp32 = temp.resolve("fp32");
    Path int8 = temp.resolve("int8");
    List<String> steps = new ArrayList<>();
    ImportOptions options =
        ImportOptions.defaults().withProgress((step, number, of) -> steps.add(number + "/" + of));
    ModelConfig config = Importer.importModel(TestModels.MINILM, fp32, options);
    Importer.importModel(TestModels.MINILM_INT8, int8, ImportOptions.defaults());
    assertThat(steps).containsExactly("1/3", "2/3", "3/3");
    assertThat(config.architecture())
        .isEqualTo(new BertArchitecture(6, 384, 12, 1536, 30522, 512, 2, 1e-12, "gelu"));
    assertThat(config.exits()).isEmpty();
    assertThat(config.longestRow()).isEqualTo(128);
    try (ModelDirectory a = ModelDirectory.open(fp32);
        ModelDirectory b = ModelDirectory.open(int8)) {
      assertThat(a.config()).isEqualTo(config);
      assertThat(b.config().architecture()).isEqualTo(config.architecture());
      a.tensors()
          .forEach((name, tensor) ->
              assertThat(relativeError(tensor, b.tensor(name))).as(name).isLessThan(1 / 126.0));
      assertThat(a.hash()).hasSize(64).isNotEqualTo(b.hash());
    }
  }

  @Test
  void importsBgeSmall() {
    Path out = temp.resolve("bge");
    ModelConfig config =
        Importer.importModel(
            TestModels.BGE_SMALL, out, ImportOptions.defaults().withName("bge").withMaxTokens(64));
    assertThat(config.architecture())
        .isEqualTo(new BertArchitecture(12, 384, 12, 1536, 30522, 512, 2, 1e-12, "gelu"));
    assertThat(config.name()).isEqualTo("bge");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().longestRow()).isEqualTo(64);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "bert.", "model."})
  void importsHuggingFaceSafetensors(String prefix) throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, prefix);
    Path out = temp.resolve("out");
    ModelConfig config = Importer.importModel(source.toString(), out, ImportOptions.defaults());
    assertThat(config.architecture()).isEqualTo(TinyModel.ARCHITECTURE);
    assertThat(config.longestRow()).isEqualTo(16);
    assertThat(config.name()).isEqualTo("tiny");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      holdsTheBackbone(model);
    }
  }

  private static void holdsTheBackbone(ModelDirectory model) {
    TinyModel.tensors(TinyModel.backbone())
        .forEach((name, tensor) ->
            assertThat(TinyModel.floats(model.tensor(name))).isEqualTo(TinyModel.floats(tensor)));
  }

  /** Its weights are called like all others, so the folder names the model. */
  @Test
  void importsAFolder() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("all-tiny"));
    Path weights = TinyModel.writeHuggingFace(folder, "");
    Files.move(weights, folder.resolve("model.safetensors"));
    Path out = temp.resolve("out");
    ModelConfig config = Importer.importModel(folder.toString(), out, ImportOptions.defaults());
    assertThat(config.name()).isEqualTo("all-tiny");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      holdsTheBackbone(model);
    }
  }

  /** What was published first: norms named otherwise, and a config.json with fewer fields. */
  @Test
  void importsOlderSafetensors() throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, "bert.");
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    TinyModel.tensors(TinyModel.backbone())
        .forEach((name, tensor) ->
            tensors.put(
                "bert."
                    + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"),
                tensor));
    assertThat(tensors).containsKey("bert.encoder.layer.1.output.LayerNorm.beta");
    Safetensors.write(source, tensors, Map.of());
    Path config = temp.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("\"layer_norm_eps\": 1e-12,", ""));
    Path out = temp.resolve("out");
    Importer.importModel(source.toString(), out, ImportOptions.defaults());
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().architecture()).isEqualTo(TinyModel.ARCHITECTURE);
      holdsTheBackbone(model);
    }
  }

  /** Not what would have been written, which is not there. */
  @Test
  void namesTheSourceThatIsWrong() throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, "");
    assertThatThrownBy(() ->
            Importer.importModel(
                source.toString(),
                temp.resolve("never"),
                ImportOptions.defaults().withMaxTokens(17)))
        .isInstanceOf(InputException.class)
        .hasMessage("--max-tokens: 17 is out of range; use a value from 3 to 16");
    Path config = temp.resolve("config.json");
    String json = Files.readString(config);
    Files.writeString(config, json.replace("\"vocab_size\": 7", "\"vocab_size\": 8"));
    refuses(source.toString(), source + ": embeddings.word_embeddings.weight: has shape [7, 8]");
    Files.writeString(config, json);
    SequencedMap<String, Tensor> tensors =
        new LinkedHashMap<>(TinyModel.tensors(TinyModel.backbone()));
    String bias = "encoder.layer.1.output.dense.bias";
    float[] values = new float[8];
    values[3] = Float.NaN;
    tensors.put(bias, Tensor.ofFloats(bias, values, 8));
    Safetensors.write(source, tensors, Map.of());
    refuses(source.toString(), source + ": " + bias + ": holds NaN or infinite values");
  }

  /** Relatives of BERT, adapters that were not merged, and a file with two encoders. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "bert.embeddings.task_type_embeddings.weight",
        "bert.encoder.layer.0.attention.self.distance_embedding.weight",
        "bert.encoder.layer.1.output.adapters.x.adapter_down.0.weight",
        "bert.encoder.layer.0.attention.self.query.lora_A.default.weight",
        "bert.encoder.layer.2.output.dense.bias",
        "bert.embeddings.LayerNorm.gamma",
        "other.embeddings.word_embeddings.weight",
      })
  void refusesTensorsThatBertDoesNotHave(String name) throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, "bert.");
    try (Arena arena = Arena.ofConfined()) {
      SequencedMap<String, Tensor> tensors =
          new LinkedHashMap<>(Safetensors.open(source, arena).tensors());
      Tensor more = Tensor.ofFloats(name, new float[8], 8);
      tensors.put("bert.embeddings.position_ids", more);
      tensors.put("bert.embeddings.token_type_ids", more);
      tensors.put("cls.predictions.bias", more);
      Path file = temp.resolve("more.safetensors");
      Safetensors.write(file, tensors, Map.of());
      Importer.importModel(file.toString(), temp.resolve("out"), ImportOptions.defaults());
      tensors.put(name, more);
      Safetensors.write(file, tensors, Map.of());
      refuses(file.toString(), file + ": " + name + ": is ");
    }
  }

  @Test
  void saysWhatHuggingFaceSafetensorsNeedBesideThem() throws IOException {
    Path source = TinyModel.writeHuggingFace(temp, "");
    Path config = temp.resolve("config.json");
    String json = Files.readString(config);
    Files.writeString(config, json.replace("\"num_attention_heads\": 2", "\"heads\": 2"));
    refuses(source.toString(), "$.num_attention_heads: missing");
    Files.writeString(config, json.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    refuses(source.toString(), "encoder.layer.2.attention.self.query.weight: missing");
    Files.writeString(
        config, json.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": -1"));
    refuses(source.toString(), "config.json: layers: -1 is out of range");
    Files.writeString(config, json.replace("\"bert\"", "\"roberta\""));
    refuses(source.toString(), "$.model_type: is roberta, only bert");
    Files.writeString(
        config,
        json.replace("\"bert\"", "\"bert\", \"position_embedding_type\": \"relative_key\""));
    refuses(source.toString(), "$.position_embedding_type: is relative_key, only absolute");
    Files.writeString(config, json.replace("\"bert\"", "\"bert\", \"is_decoder\": true"));
    refuses(source.toString(), "$.is_decoder: is true, only encoders");
    Files.writeString(config, json.replace("\"gelu\"", "\"gelu_new\""));
    refuses(source.toString(), "$.hidden_act: is gelu_new, only gelu");
    Files.delete(config);
    refuses(source.toString(), "put the model's Hugging Face config.json beside");
    Files.delete(temp.resolve("tokenizer.json"));
    refuses(source.toString(), "--tokenizer");
  }

  @Test
  void saysWhatCannotBeImported() throws IOException {
    refuses("no/such/file.onnx", "does not exist");
    Files.write(temp.resolve("tokenizer.json"), TinyModel.tokenizer());
    refuses(Files.writeString(temp.resolve("x.pt"), "x").toString(), "unknown ending");
    Path alone = Files.createDirectory(temp.resolve("alone"));
    refuses(
        Files.writeString(alone.resolve("x.npy"), "x").toString(), "x.npy: has an unknown ending");
    refuses(Files.writeString(temp.resolve("x.onnx"), "x").toString(), "x.onnx");
    Path other = temp.resolve("other.safetensors");
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("conv.weight", Tensor.ofFloats("conv.weight", new float[4], 4));
    Safetensors.write(other, tensors, Map.of());
    refuses(other.toString(), "embeddings.word_embeddings.weight: not found");
    Files.delete(temp.resolve("tokenizer.json"));
    refuses(
        other.toString(),
        "nor has it a residual network's layer1.0.conv1.weight or resnet.embedder.embedder");
    refuses("a:b", "does not exist");
    refuses(
        "no.such:artifact:1",
        "mvn dependency:get -Dtransitive=false -Dartifact=no.such:artifact:1");
    refuses("../..:x:1", "is not group:artifact:version");
  }

  @Test
  void aJarMustHoldOneModel() throws IOException {
    Path jar = temp.resolve("org/x/y/1/y-1.jar");
    Files.createDirectories(jar.getParent());
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry("a.onnx"));
      zip.putNextEntry(new ZipEntry("../../b.onnx"));
    }
    TestModels.withRepository(
        temp, () -> refuses("org.x:y:1", "y-1.jar: *.onnx: found 2 such files, need one"));
  }

  private void refuses(String source, String message) {
    Path out = temp.resolve("never");
    assertThatThrownBy(() -> Importer.importModel(source, out, ImportOptions.defaults()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
    assertThat(out).doesNotExist();
  }

  /** Largest difference over the largest value; matrices have 127 steps from −max to max. */
  private static double relativeError(Tensor a, Tensor b) {
    assertThat(b.shape()).isEqualTo(a.shape());
    double difference = 0;
    double largest = 0;
    for (long i = 0; i < a.elements(); i++) {
      double x = a.floatAt(i);
      difference = Math.max(difference, Math.abs(x - b.floatAt(i)));
      largest = Math.max(largest, Math.abs(x));
    }
    return difference / largest;
  }
}
