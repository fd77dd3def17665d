package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelDirectoryTest {
  @TempDir Path temp;
  private Path directory;

  @BeforeEach
  void write() {
    directory = temp.resolve("model");
    TinyModel.write(directory);
  }

  @Test
  void readsWhatItWrites() {
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      assertThat(model.config()).isEqualTo(TinyModel.CONFIG);
      assertThat(model.path()).isEqualTo(directory);
      TinyModel.tensors(TinyModel.CONFIG)
          .forEach((name, tensor) ->
              assertThat(TinyModel.floats(model.tensor(name)))
                  .as(name)
                  .isEqualTo(TinyModel.floats(tensor)));
      assertThat(model.tokenizer().encode("ABC abb x", 10)).containsExactly(0, 6, 3, 5, 5, 2, 1);
      assertThatThrownBy(() -> model.tensor("nope")).hasMessageContaining("nope");
    }
    assertThat(temp).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void theHashCoversConfigWeightsAndTokenizerOnly() throws IOException {
    String before = hash();
    Files.writeString(directory.resolve("certificate.json"), "{}");
    assertThat(hash()).isEqualTo(before).matches("[0-9a-f]{64}");
    Path config = directory.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("a test", "a Test"));
    String other = hash();
    assertThat(other).isNotEqualTo(before);
    Path tokenizer = directory.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer) + " ");
    assertThat(hash()).isNotEqualTo(other);
  }

  /** Were it made otherwise, the certificates of all models that there are would be void. */
  @Test
  void theHashIsOfNamesLengthsAndContents() throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      byte[] bytes = Files.readAllBytes(directory.resolve(name));
      digest.update((name + "\n" + bytes.length + "\n").getBytes(StandardCharsets.UTF_8));
      digest.update(bytes);
    }
    assertThat(hash()).isEqualTo(HexFormat.of().formatHex(digest.digest()));
  }

  /** Of weights that were replaced while a calibration ran, nothing is certified. */
  @Test
  void theHashIsOfWhatWasOpened() throws IOException {
    String before = hash();
    Path other = temp.resolve("other");
    SequencedMap<String, Tensor> tensors = TinyModel.tensors(TinyModel.CONFIG);
    Tensor bias = tensors.get("encoder.layer.1.output.dense.bias");
    float[] values = TinyModel.floats(bias);
    values[0]++;
    tensors.put(bias.name(), Tensor.ofFloats(bias.name(), values, values.length));
    ModelDirectory.write(other, TinyModel.CONFIG, tensors, TinyModel.tokenizer(), false);
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
        Files.move(
            other.resolve(name), directory.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      }
      assertThat(model.hash()).isEqualTo(before);
    }
    assertThat(hash()).isNotEqualTo(before);
  }

  private String hash() {
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      return model.hash();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.json", "model.safetensors", "tokenizer.json"})
  void namesAMissingFile(String name) throws IOException {
    Files.delete(directory.resolve(name));
    refuses(name + ": missing, so this is not a model directory; make one with `offramp import");
  }

  @Test
  void namesADirectoryThatIsNotThere() {
    assertThatThrownBy(() -> ModelDirectory.open(temp.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not a directory");
  }

  @Test
  void namesATensorThatIsMissingOrTooMany() {
    SequencedMap<String, Tensor> tensors = TinyModel.tensors(TinyModel.CONFIG);
    tensors.remove("encoder.layer.1.output.dense.bias");
    replaceWeights(tensors);
    refuses("encoder.layer.1.output.dense.bias: missing");
    tensors = TinyModel.tensors(TinyModel.CONFIG);
    tensors.put("exits.2.bias", Tensor.ofFloats("exits.2.bias", new float[3], 3));
    replaceWeights(tensors);
    refuses("exits.2.bias: is not a tensor of this model");
  }

  @Test
  void namesATensorOfTheWrongShapeOrType() {
    SequencedMap<String, Tensor> tensors = TinyModel.tensors(TinyModel.CONFIG);
    tensors.put("exits.0.weight", Tensor.ofFloats("exits.0.weight", new float[24], 8, 3));
    replaceWeights(tensors);
    refuses("exits.0.weight: has shape [8, 3] where config.json needs [3, 8]");
    Tensor bias = tensors.get("exits.0.bias");
    tensors.put("exits.0.weight", TinyModel.tensors(TinyModel.CONFIG).get("exits.0.weight"));
    tensors.put("exits.0.bias", new Tensor("i", TensorType.I32, bias.shape(), bias.data()));
    replaceWeights(tensors);
    refuses("exits.0.bias: is I32; store weights as F32");
  }

  @Test
  void namesATensorWithNaN() {
    SequencedMap<String, Tensor> tensors = TinyModel.tensors(TinyModel.CONFIG);
    float[] values = TinyModel.floats(tensors.get("exits.1.bias"));
    values[2] = Float.NaN;
    tensors.put("exits.1.bias", Tensor.ofFloats("exits.1.bias", values, 3));
    replaceWeights(tensors);
    refuses("exits.1.bias: holds NaN or infinite values");
    assertThatThrownBy(() ->
            ModelDirectory.write(
                temp.resolve("new"), TinyModel.CONFIG, tensors, TinyModel.tokenizer(), false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("exits.1.bias");
    assertThat(temp.resolve("new")).doesNotExist();
  }

  @Test
  void refusesATokenizerWithMoreTokensThanEmbeddings() throws IOException {
    Path tokenizer = directory.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer).replace("\"abc\": 6", "\"abc\": 7"));
    refuses("$.model.vocab and $.added_tokens: have ids up to 7 but config.json says vocabSize 7");
  }

  @Test
  void replacesAModelOnlyWhenToldTo() throws IOException {
    Files.writeString(directory.resolve("certificate.json"), "{}");
    assertThatThrownBy(() -> writeBackbone(false))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--overwrite");
    writeBackbone(true);
    try (ModelDirectory model = ModelDirectory.open(directory)) {
      assertThat(model.config()).isEqualTo(TinyModel.backbone());
    }
    // It was about the model that is gone.
    assertThat(directory.resolve("certificate.json")).doesNotExist();
  }

  @Test
  void neverReplacesAnythingElse() throws IOException {
    Files.writeString(directory.resolve("thesis.tex"), "years of work");
    assertThatThrownBy(() -> writeBackbone(true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("thesis.tex");
    assertThat(directory.resolve("thesis.tex")).hasContent("years of work");
    Path file = Files.writeString(temp.resolve("file"), "x");
    assertThatThrownBy(() -> ModelDirectory.checkTarget(file, true))
        .isInstanceOf(InputException.class);
  }

  /** What a hub has of a model lies in files of the same names. */
  @Test
  void neverReplacesAModelOfAnotherProgram() throws IOException {
    Path config = directory.resolve("config.json");
    Files.writeString(config, "{\"model_type\": \"bert\", \"hidden_size\": 384}");
    assertThatThrownBy(() -> writeBackbone(true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("config.json: is not that of an Offramp model");
    Files.delete(config);
    assertThatThrownBy(() -> writeBackbone(true)).isInstanceOf(InputException.class);
    assertThat(directory.resolve("model.safetensors")).exists();
  }

  @Test
  void replacesADamagedModel() throws IOException {
    Path config = directory.resolve("config.json");
    String text = Files.readString(config);
    Files.writeString(config, text.substring(0, text.length() / 2));
    writeBackbone(true);
    ModelDirectory.open(directory).close();
  }

  @Test
  void writesIntoAnEmptyDirectory() throws IOException {
    Path empty = Files.createDirectories(temp.resolve("deep/empty"));
    TinyModel.write(empty);
    ModelDirectory.open(empty).close();
  }

  private void writeBackbone(boolean overwrite) {
    ModelConfig config = TinyModel.backbone();
    ModelDirectory.write(
        directory, config, TinyModel.tensors(config), TinyModel.tokenizer(), overwrite);
  }

  private void replaceWeights(SequencedMap<String, Tensor> tensors) {
    Safetensors.write(directory.resolve("model.safetensors"), tensors, Map.of());
  }

  private void refuses(String message) {
    assertThatThrownBy(() -> ModelDirectory.open(directory))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(directory.toString())
        .hasMessageContaining(message);
  }
}
