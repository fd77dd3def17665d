package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResnetConfigTest {
  @TempDir private Path temp;

  @Test
  void readsWhatItWrites() throws IOException {
    Path file = temp.resolve("config.json");
    for (ModelConfig config : List.of(TinyImageModel.BASIC, TinyImageModel.BOTTLENECK)) {
      Files.writeString(file, config.toJson());
      assertThat(ModelConfig.read(file)).isEqualTo(config);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        "\"height\": 8 | \"height\": 4097 | $.architecture.image.height",
        "\"width\": 8 | \"width\": 0 | $.architecture.image.width",
        "\"channels\": 3 | \"channels\": 2 | $.architecture.image.channels",
        "\"kernel\": 3 | \"kernel\": 4 | $.architecture.stem.kernel",
        "\"kernel\": 3 | \"kernel\": 17 | $.architecture.stem.kernel",
        "\"stride\": 1 | \"stride\": 9 | $.architecture.stem.stride",
        "\"maxPool\": false | \"maxPool\": 0 | $.architecture.stem.maxPool",
        "\"basic\" | \"dense\" | $.architecture.block",
        "\"pad\" | \"none\" | $.architecture.shortcut",
        "\"blocks\": 2 | \"blocks\": 0 | $.architecture.groups[1].blocks",
        "\"blocks\": 2 | \"blocks\": 1000 | $.architecture.groups (blocks together)",
        "\"blocks\": 2 | \"blocks\": 2147483647 | $.architecture.groups[1].blocks",
        "\"inner\": 6 | \"inner\": 4 | $.architecture.groups[1].inner",
        "\"inner\": 6 | \"inner\": 16385 | $.architecture.groups[1].inner",
        "\"cardinality\": 1 | \"cardinality\": 2 | $.architecture.cardinality",
        "\"cardinality\": 1 | \"cardinality\": 0 | $.architecture.cardinality",
        "\"resize\": 8 | \"resize\": 7 | $.preprocessing.resize",
        "\"resize\": 8 | \"resize\": 9000 | $.preprocessing.resize",
        "\"bilinear\" | \"lanczos\" | $.preprocessing.resample",
        "\"bilinear\" | 2 | $.preprocessing.resample",
        "0.25, | | $.preprocessing.std (length)",
        "0.25, | 0, | $.preprocessing.std[0]",
        "0.25, | -1, | $.preprocessing.std[0]",
        "0.5, | 1e9, | $.preprocessing.mean[0]",
        "\"grid\": 2 | \"grid\": 9 | $.exits[0].head.grid",
        "\"grid\": 2 | \"grid\": 0 | $.exits[0].head.grid",
        "\"mean\", | \"max\", | $.exits[0].head.pooling",
        "\"source\" | \"tokenizer\": 1, \"source\" | $.tokenizer",
      })
  void namesThePathOfABadField(String original, String changed, String path) throws IOException {
    String json = TinyImageModel.BASIC.toJson().replaceAll("\\s+", " ");
    ModelConfigTest.refuses(temp, json, original, changed, path);
  }

  /** As they were written when there was one way only. */
  @Test
  void whereNothingIsSaidOfItScalingIsBilinear() throws IOException {
    String json = TinyImageModel.BASIC.toJson().replaceAll("\\s+", " ");
    String older = json.replace("\"resample\": \"bilinear\", ", "");
    assertThat(older).isNotEqualTo(json);
    Path file = Files.writeString(temp.resolve("config.json"), older);
    assertThat(ModelConfig.read(file)).isEqualTo(TinyImageModel.BASIC);
  }

  @Test
  void namesWhatDoesNotFitTogether() throws IOException {
    refuses(
        TinyImageModel.BASIC,
        "\"channels\": 6, \"inner\": 6",
        "\"channels\": 3, \"inner\": 3",
        "$.architecture.shortcut: pad cannot go from 4 to 3 channels at block 2");
    refuses(
        TinyImageModel.BOTTLENECK,
        "\"inner\": 8",
        "\"inner\": 7",
        "$.architecture.groups[1].inner: 7 is not a multiple of cardinality 2");
    refuses(
        TinyImageModel.BOTTLENECK,
        "\"height\": 8, \"width\": 8",
        "\"height\": 4096, \"width\": 4096",
        "$.preprocessing.resize");
    refuses(
        TinyImageModel.BOTTLENECK,
        "\"height\": 8, \"width\": 8, \"channels\": 3 }, \"stem\": { \"channels\": 4",
        "\"height\": 4096, \"width\": 4096, \"channels\": 3 }, \"stem\": { \"channels\": 128",
        "$.architecture.stem.channels: 2048 x 2048 pixels of 128 channels are more than");
    refuses(
        TinyImageModel.BOTTLENECK,
        ", \"grid\": 1",
        "",
        "$.exits[0].head.grid: missing; add it, 1 pools the whole image");
    refuses(
        TinyModel.CONFIG,
        "\"confidence\": \"top1\"",
        "\"confidence\": \"top1\", \"grid\": 1",
        "$.exits[0].head.grid: texts have no grid; remove it");
  }

  /** The projection would be written over what the block still reads. */
  @Test
  void aProjectionNeedsAMapOfItsOwn() throws IOException {
    ModelConfig config = TinyImageModel.BOTTLENECK;
    ModelConfig same =
        new ModelConfig(
            config.format(),
            config.family(),
            config.name(),
            new ResnetArchitecture(
                new Image(4, 4, 3),
                config.resnet().stem(),
                ResnetArchitecture.BOTTLENECK,
                List.of(new Group(1, 4, 4, 1), new Group(1, 4, 4, 2)),
                1,
                ResnetArchitecture.PROJECTION),
            config.preprocessing(),
            config.labels(),
            config.exits(),
            config.source());
    refuses(
        same,
        "\"projection\"",
        "\"projection\"",
        "$.architecture.groups[1].stride: 2 leaves a map of 1 x 1 pixels as it is, where projection"
            + " needs another size; use stride 1 or larger images");
    for (String json :
        List.of(
            same.toJson().replace("\"projection\"", "\"pad\""),
            same.toJson().replace("\"height\": 4", "\"height\": 8"))) {
      assertThat(json).isNotEqualTo(same.toJson());
      Path file = Files.writeString(temp.resolve("config.json"), json);
      assertThat(ModelConfig.read(file).resnet().layers()).isEqualTo(2);
    }
  }

  private void refuses(ModelConfig config, String original, String changed, String message)
      throws IOException {
    String json = config.toJson().replaceAll("\\s+", " ");
    assertThat(json).contains(original);
    Path file = Files.writeString(temp.resolve("config.json"), json.replace(original, changed));
    assertThatThrownBy(() -> ModelConfig.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }

  @Test
  void sizesAreThoseOfTheConvolutions() {
    ResnetArchitecture bottleneck = TinyImageModel.BOTTLENECK.resnet();
    assertThat(bottleneck.stemOut()).isEqualTo(new Image(4, 4, 4));
    assertThat(bottleneck.blocks().getLast().out()).isEqualTo(new Image(1, 1, 16));
    SequencedMap<String, List<Long>> shapes = ModelTensors.all(TinyImageModel.BOTTLENECK);
    assertThat(shapes)
        .containsEntry("stem.weight", List.of(4L, 3L, 7L, 7L))
        .containsEntry("blocks.1.conv2.weight", List.of(8L, 4L, 3L, 3L))
        .containsEntry("blocks.0.shortcut.weight", List.of(8L, 4L, 1L, 1L))
        .containsEntry("exits.0.weight", List.of(3L, 16L))
        .hasSize(2 * (1 + 4 + 4) + 2);
    assertThat(ModelTensors.all(TinyImageModel.BASIC))
        .containsEntry("exits.0.weight", List.of(3L, 16L))
        .doesNotContainKey("blocks.1.shortcut.weight")
        .hasSize(2 * (1 + 2 + 4) + 4);
  }

  @Test
  void aDirectoryForImagesHasNoTokenizer() throws IOException {
    Path path = TinyImageModel.write(temp.resolve("model"), TinyImageModel.BASIC);
    assertThat(path.resolve("tokenizer.json")).doesNotExist();
    String hash;
    try (ModelDirectory model = ModelDirectory.open(path)) {
      assertThat(model.config()).isEqualTo(TinyImageModel.BASIC);
      assertThatThrownBy(model::tokenizer)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("has no tokenizer");
      hash = model.hash();
    }
    Files.writeString(path.resolve("certificate.json"), "{}");
    try (ModelDirectory model = ModelDirectory.open(path)) {
      assertThat(model.hash()).isEqualTo(hash).matches("[0-9a-f]{64}");
    }
    SequencedMap<String, Tensor> tensors = TinyImageModel.tensors(TinyImageModel.BASIC);
    Tensor stem = tensors.get("stem.weight");
    tensors.put(
        "stem.weight", new Tensor("stem.weight", TensorType.F32, List.of(4L, 27L), stem.data()));
    Safetensors.write(path.resolve("model.safetensors"), tensors, Map.of());
    assertThatThrownBy(() -> ModelDirectory.open(path))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            "stem.weight: has shape [4, 27] where config.json needs [4, 3, 3, 3]");
  }

  @Test
  void textsNeedATokenizerAndImagesNone() {
    assertThatThrownBy(() ->
            ModelDirectory.write(
                temp.resolve("a"),
                TinyModel.CONFIG,
                TinyModel.tensors(TinyModel.CONFIG),
                null,
                false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() ->
            ModelDirectory.write(
                temp.resolve("a"),
                TinyImageModel.BASIC,
                TinyImageModel.tensors(TinyImageModel.BASIC),
                new byte[0],
                false))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
