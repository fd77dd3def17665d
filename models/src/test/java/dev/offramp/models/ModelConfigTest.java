package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
  @TempDir Path temp;

  @Test
  void readsWhatItWrites() throws IOException {
    Path file = Files.writeString(temp.resolve("config.json"), TinyModel.CONFIG.toJson());
    assertThat(ModelConfig.read(file)).isEqualTo(TinyModel.CONFIG);
    Files.writeString(file, TinyModel.backbone().toJson());
    assertThat(ModelConfig.read(file)).isEqualTo(TinyModel.backbone());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        // What to replace | by what | the JSON path the error names
        "\"format\": 1 | \"format\": 2 | $.format",
        "\"format\": 1 | \"format\": \"1\" | $.format",
        "\"format\": 1 | \"format\": 1.5 | $.format",
        "\"format\": 1 | \"format\": 99999999999999999999 | $.format",
        "\"format\": 1 | \"format\": 4294967297 | $.format",
        "\"format\": 1 | \"format\": null | $.format",
        "\"format\": 1, | | $.format",
        "\"format\": 1 | \"format\": 1, \"format\": 1 | $.format",
        "\"format\": 1 | \"format\": 1, \"extra\": 1 | $.extra",
        "\"bert\" | \"gpt\" | $.family",
        "\"tiny\" | \" \" | $.name",
        "\"tiny\" | 7 | $.name",
        "\"layers\": 2, | | $.architecture.layers",
        "\"layers\": 2 | \"layers\": 0 | $.architecture.layers",
        "\"layers\": 2 | \"layers\": 2000000000 | $.architecture.layers",
        "\"hiddenSize\": 8 | \"hiddenSize\": -8 | $.architecture.hiddenSize",
        "\"heads\": 2 | \"heads\": 3 | $.architecture.heads",
        "\"heads\": 2 | \"heads\": 0 | $.architecture.heads",
        "\"intermediateSize\": 12 | \"intermediateSize\": 0 | $.architecture.intermediateSize",
        "\"vocabSize\": 7 | \"vocabSize\": 2147483647 | $.architecture.vocabSize",
        "\"maxPositions\": 16 | \"maxPositions\": 2 | $.architecture.maxPositions",
        "\"typeVocabSize\": 2 | \"typeVocabSize\": 0 | $.architecture.typeVocabSize",
        "1.0E-12 | 0 | $.architecture.layerNormEpsilon",
        "1.0E-12 | 1e999 | $.architecture.layerNormEpsilon",
        "\"gelu\" | \"swish\" | $.architecture.activation",
        "\"wordpiece\" | \"bpe\" | $.preprocessing.tokenizer",
        "\"maxTokens\": 16 | \"maxTokens\": 17 | $.preprocessing.maxTokens",
        "\"maxTokens\": 16 | \"maxTokens\": 2 | $.preprocessing.maxTokens",
        "\"yes\" | \"no\" | $.labels[1]",
        "\"yes\" | \"\" | $.labels[1]",
        "\"yes\" | 3 | $.labels[1]",
        "\"yes\" | \"y\\tes\" | $.labels[1]",
        "\"no\" | \"n\\no\" | $.labels[0]",
        "\"yes\" | \"\\u001b[2J\" | $.labels[1]",
        "\"afterLayer\": 1 | \"afterLayer\": 2 | $.exits[1].afterLayer",
        "\"afterLayer\": 1 | \"afterLayer\": 0 | $.exits[0].afterLayer",
        "\"afterLayer\": 2 | \"afterLayer\": 3 | $.exits[1].afterLayer",
        "\"linear\" | \"conv\" | $.exits[0].head.type",
        "\"mean\" | \"sum\" | $.exits[0].head.pooling",
        "\"top1\" | \"luck\" | $.exits[0].head.confidence",
        "\"top1\" | \"top1\", \"bias\": true | $.exits[0].head.bias",
      })
  void namesThePathOfABadField(String original, String changed, String path) throws IOException {
    refuses(temp, TinyModel.CONFIG.toJson(), original, changed, path);
  }

  /** A config with the first of these words changed (null leaves them out) is refused at a path. */
  static void refuses(Path folder, String json, String original, String changed, String path)
      throws IOException {
    int at = json.indexOf(original);
    assertThat(at).isNotNegative();
    String bad =
        json.substring(0, at)
            + (changed == null ? "" : changed)
            + json.substring(at + original.length());
    Path file = Files.writeString(folder.resolve("config.json"), bad);
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": " + path + ": ")
        .hasMessageContaining("; ");
  }

  @Test
  void theLastExitStandsAfterTheLastLayer() throws IOException {
    ModelConfig config =
        TinyModel.CONFIG.withExits("early", TinyModel.LABELS, TinyModel.EXITS.subList(0, 1));
    Path file = Files.writeString(temp.resolve("config.json"), config.toJson());
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("$.exits[0].afterLayer: the last exit must stand after");
  }

  @Test
  void exitsNeedLabels() throws IOException {
    ModelConfig config =
        TinyModel.CONFIG.withExits("x", TinyModel.LABELS.subList(0, 1), TinyModel.EXITS);
    Path file = Files.writeString(temp.resolve("config.json"), config.toJson());
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("$.labels");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[]",
        "null",
        "7",
        "{} {}",
        "{'format': 1}",
        "{\"format\": 1,}",
        "// comment\n{}",
        "\u0000",
        "NaN",
        "{\"format\": }",
        "\"\\ud8\""
      })
  void whatIsNotJsonIsOneClearError(String text) throws IOException {
    Path file = Files.writeString(temp.resolve("config.json"), text);
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": $");
  }

  @Test
  void deepNestingIsRefused() throws IOException {
    Path file = Files.writeString(temp.resolve("config.json"), "[".repeat(1_000_000));
    assertThatThrownBy(() -> ModelConfig.read(file)).isInstanceOf(InputException.class);
  }

  @Test
  void bytesThatAreNotUtf8AreRefused() throws IOException {
    Path file = Files.write(temp.resolve("config.json"), new byte[] {'"', (byte) 0xff, '"'});
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("UTF-8");
  }

  @Test
  void hostileNamesStayOnOneShortLine() throws IOException {
    String name = "evil\\n\\u001b[31m" + "x".repeat(100_000);
    Path file = Files.writeString(temp.resolve("config.json"), "{\"" + name + "\": 1}");
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("evil??[31m")
        .message()
        .hasSizeLessThan(2_000)
        .doesNotContain("\n");
  }
}
