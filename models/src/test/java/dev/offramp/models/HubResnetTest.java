package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Residual networks as Hugging Face's transformers writes them. */
class HubResnetTest {
  private static final String CONFIG =
      """
      {"architectures": ["ResNetForImageClassification"], "depths": [2, 1],
       "downsample_in_bottleneck": false, "downsample_in_first_stage": false,
       "embedding_size": 4, "hidden_act": "relu", "hidden_sizes": [4, 6],
       "id2label": {"3": "crane", "0": "tench, Tinca tinca", "1": "crane", "2": "dog"},
       "label2id": {"crane": 3, "dog": 2, "tench, Tinca tinca": 0}, "layer_type": "basic",
       "model_type": "resnet", "num_channels": 3, "torch_dtype": "float32",
       "transformers_version": "4.18.0.dev0"}
      """;

  private static final String PICTURES =
      """
      {"crop_pct": 0.875, "do_convert_rgb": null, "do_normalize": true, "do_rescale": true,
       "do_resize": true, "image_mean": [0.5, 0.4, 0.3],
       "image_processor_type": "ConvNextImageProcessor", "image_std": [0.25, 0.2, 0.125],
       "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 56}}
      """;

  @TempDir private Path temp;
  private final List<String> notes = new ArrayList<>();
  private Path folder;
  private Path weights;
  private Path out;

  @BeforeEach
  void name() throws IOException {
    folder = Files.createDirectory(temp.resolve("resnet-5"));
    weights = folder.resolve("model.safetensors");
    out = temp.resolve("out");
  }

  @ParameterizedTest
  @CsvSource({"false, ''", "true, module."})
  void isTheNetworkThatItIsUnderTorchvisionsNames(boolean bottleneck, String prefix)
      throws IOException {
    ForeignResnet net = bottleneck ? ForeignResnet.bottleneck() : ForeignResnet.basic(2);
    Path other = Files.createDirectory(temp.resolve("other")).resolve("model.safetensors");
    Safetensors.write(other, net.torchvision, Map.of());
    ImportOptions options = ImportOptions.defaults().withName("net");
    Path expected = temp.resolve("expected");
    Importer.importModel(other.toString(), expected, options);
    SequencedMap<String, Tensor> prefixed = new LinkedHashMap<>();
    net.hub.forEach((name, tensor) -> prefixed.put(prefix + name, tensor));
    Safetensors.write(weights, prefixed, Map.of());
    Importer.importModel(weights.toString(), out, options.withProgress(recorder()));
    assertThat(notes)
        .hasSize(2)
        .anyMatch(note -> note.startsWith("no config.json lies beside the weights"))
        .anyMatch(note -> note.startsWith("no preprocessor_config.json lies beside"));
    try (ModelDirectory a = ModelDirectory.open(expected);
        ModelDirectory b = ModelDirectory.open(out)) {
      assertThat(b.config()).isEqualTo(a.config());
      assertThat(b.config().resnet().block()).isEqualTo(bottleneck ? "bottleneck" : "basic");
      assertThat(b.config().preprocessing()).extracting("resize").isEqualTo(256);
      assertThat(b.tensors().keySet()).isEqualTo(a.tensors().keySet()).hasSizeGreaterThan(10);
      a.tensors()
          .forEach((name, tensor) ->
              assertThat(TinyModel.floats(b.tensor(name))).isEqualTo(TinyModel.floats(tensor)));
    }
  }

  @Test
  void takesFromTheFolderWhatTheWeightsDoNotSay() throws IOException {
    write(ForeignResnet.basic(2), CONFIG, PICTURES);
    assertThat(importFolder(ImportOptions.defaults()))
        .isEqualTo(
            new ModelConfig(
                1,
                "resnet",
                "resnet-5",
                new ResnetArchitecture(
                    new Image(56, 56, 3),
                    new Stem(4, 7, 2, true),
                    "basic",
                    List.of(new Group(2, 4, 4, 1), new Group(1, 6, 6, 2)),
                    1,
                    "projection"),
                new ImagePreprocessing(
                    64, "bicubic", List.of(0.5, 0.4, 0.3), List.of(0.25, 0.2, 0.125)),
                List.of("tench, Tinca tinca", "crane (1)", "dog", "crane (3)"),
                List.of(new Exit(3, Head.ofImage(1, "top1"))),
                "model.safetensors"));
    assertThat(notes)
        .containsExactly("classes of the same name get their numbers: crane (1); crane (3)");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().preprocessing()).extracting("resample").isEqualTo("bicubic");
    }
  }

  @Test
  void theFirstStageMayHalveTheImage() throws IOException {
    ForeignResnet net = ForeignResnet.basic(2);
    net.shortcut(0, 0, 4, 4);
    String halved = CONFIG.replace("first_stage\": false", "first_stage\": true");
    write(net, halved, PICTURES);
    assertThat(importFolder(ImportOptions.defaults()).resnet().groups())
        .containsExactly(new Group(2, 4, 4, 2), new Group(1, 6, 6, 2));
    write(net, CONFIG, PICTURES);
    refuses("resnet.encoder.stages.0.layers.0.shortcut.", "has no place in a residual network");
    write(ForeignResnet.basic(2), halved, PICTURES);
    refuses("resnet.encoder.stages.0.layers.0.shortcut.convolution.weight: missing");
  }

  /** A number for the size, no word of rescaling and a mean for all channels. */
  @Test
  void readsOlderFiles() throws IOException {
    String older =
        """
        {"do_normalize": true, "do_resize": true, "image_mean": 0.5, "image_std": [0.5, 0.5, 0.5],
         "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 2, "size": 60}
        """;
    write(ForeignResnet.bottleneck(), "{\"model_type\": \"resnet\"}", older);
    ModelConfig config = importFolder(ImportOptions.defaults());
    List<Double> half = List.of(0.5, 0.5, 0.5);
    assertThat(config.preprocessing())
        .isEqualTo(new ImagePreprocessing(68, "bilinear", half, half)); // 68.57 is rounded down.
    assertThat(config.labels()).containsExactly("0", "1", "2", "3");
    assertThat(notes).isEmpty();
    write(
        ForeignResnet.bottleneck(),
        "{\"model_type\": \"resnet\"}",
        older.replace("normalize\": true", "normalize\": false"));
    assertThat(importFolder(ImportOptions.defaults()).preprocessing())
        .isEqualTo(
            new ImagePreprocessing(68, "bilinear", List.of(0.0, 0.0, 0.0), List.of(1.0, 1.0, 1.0)));
  }

  @Test
  void optionsWinOverTheFiles() throws IOException {
    write(
        ForeignResnet.basic(2),
        CONFIG.replace(", \"2\": \"dog\"", ""),
        PICTURES
            .replace("edge\": 56", "edge\": 384")
            .replace("[0.5,", "[\"a\",")
            .replace("[0.25,", "["));
    Path labels = Files.writeString(temp.resolve("labels.txt"), "a\nb\nc\nd\n");
    ImageOptions images =
        ImageOptions.defaults()
            .withLabels(labels)
            .withSize(112)
            .withMean(List.of(0.1, 0.2, 0.3))
            .withStd(List.of(0.4, 0.5, 0.6));
    ModelConfig config = importFolder(ImportOptions.defaults().withName("mine").withImages(images));
    assertThat(config.name()).isEqualTo("mine");
    assertThat(config.labels()).containsExactly("a", "b", "c", "d");
    assertThat(config.resnet().image()).isEqualTo(new Image(112, 112, 3));
    assertThat(config.preprocessing())
        .isEqualTo(
            new ImagePreprocessing(128, "bicubic", List.of(0.1, 0.2, 0.3), List.of(0.4, 0.5, 0.6)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        "\"resnet\" | \"regnet\" | $.model_type: is regnet, only resnet can be imported",
        "\"model_type\": \"resnet\", | | $.model_type: missing",
        "\"relu\" | \"gelu\" | $.hidden_act: is gelu, only relu can be imported",
        "\"basic\" | \"bottleneck\" | $.layer_type: says bottleneck where the weights have basic",
        "[2, 1] | [2, 2] | $.depths: says [2, 2] where the weights have [2, 1]",
        "[4, 6] | [4, 8] | $.hidden_sizes: says [4, 8] where the weights have [4, 6]",
        "\"embedding_size\": 4 | \"embedding_size\": 64 | $.embedding_size: says 64 where",
        "\"num_channels\": 3 | \"num_channels\": 1 | $.num_channels: says 1 where the weights have 3",
        "\"num_channels\" | \"problem_type\": \"regression\", \"num_channels\" | $.problem_type: is regression",
        ", \"2\": \"dog\" | | $.id2label.2: missing",
        "\"2\": \"dog\" | \"2\": \" \" | $.id2label.2: is blank",
        "\"2\": \"dog\" | \"2\": \"dog\", \"4\": \"cat\" | $.id2label: names 5 classes where the weights have 4",
      })
  void saysWhatInConfigJsonCannotBeImported(String original, String changed, String message)
      throws IOException {
    write(ForeignResnet.basic(2), replaced(CONFIG, original, changed), PICTURES);
    refuses(folder.resolve("config.json") + ": " + message);
  }

  @Test
  void aStrideAtTheFirstConvolutionIsRefusedWhereItIsHeeded() throws IOException {
    write(
        ForeignResnet.bottleneck(),
        "{\"model_type\": \"resnet\", \"downsample_in_bottleneck\": true}",
        PICTURES);
    refuses("$.downsample_in_bottleneck: is true, but Offramp has the stride at the 3x3");
    write(
        ForeignResnet.basic(2),
        CONFIG.replace("bottleneck\": false", "bottleneck\": true"),
        PICTURES);
    assertThat(importFolder(ImportOptions.defaults()).resnet().block()).isEqualTo("basic");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        "ConvNextImageProcessor | ViTImageProcessor | $.image_processor_type: is ViTImageProcessor, only",
        "\"crop_pct\" | \"do_center_crop\": true, \"crop_pct\" | $.do_center_crop: is true, which Offramp",
        "resize\": true | resize\": false | $.do_resize: is false",
        "rescale\": true | rescale\": false | $.do_rescale: is false",
        "0.00392156862745098 | 0.0078 | $.rescale_factor: is 0.0078",
        "{\"shortest_edge\": 56} | {\"height\": 56, \"width\": 56} | $.size.height: would stretch",
        "{\"shortest_edge\": 56} | 384 | $.size: is 384, and from 384 on images are stretched",
        "\"shortest_edge\": 56 | \"longest_edge\": 56 | $.size.longest_edge: unknown field",
        "\"size\": | \"sizes\": | $.size: missing",
        "0.875 | 1.1 | $.crop_pct: 1.1 is out of range",
        "0.875 | 0 | $.crop_pct: 0.0 is out of range",
        "\"resample\": 3 | \"resample\": 1 | $.resample: is 1, but Offramp scales by 2 (bilinear) or 3",
        "\"resample\": 3, | | $.resample: missing",
        "\"image_mean\": [0.5, 0.4, 0.3], | | $.image_mean: missing",
        "[0.25, 0.2, 0.125] | [0.25, 0.2] | $.image_std: has 2 values where the weights are for images of 3",
      })
  void saysWhatItCannotDoToPictures(String original, String changed, String message)
      throws IOException {
    write(ForeignResnet.basic(2), CONFIG, replaced(PICTURES, original, changed));
    refuses(folder.resolve("preprocessor_config.json") + ": " + message);
  }

  @Test
  void namesTensorsAsTheFileDoes() throws IOException {
    ForeignResnet net = ForeignResnet.basic(2);
    String bias = "resnet.encoder.stages.1.layers.0.layer.1.normalization.bias";
    Tensor kept = net.hub.remove(bias);
    write(net, CONFIG, PICTURES);
    refuses(weights + ": " + bias + ": missing");
    net.hub.put(bias, Tensor.ofFloats("short", new float[2], 2));
    write(net, CONFIG, PICTURES);
    refuses(weights + ": " + bias + ": has shape [2] where [6] is needed");
    net.hub.put(bias, kept);
    Tensor stem = net.hub.get(ResnetNames.HUB_FIRST);
    net.hub.put(ResnetNames.HUB_FIRST, Tensor.ofFloats("stem", new float[108], 4, 3, 3, 3));
    write(net, CONFIG, PICTURES);
    refuses(weights + ": " + ResnetNames.HUB_FIRST + ": is of 3x3");
    net.hub.put(ResnetNames.HUB_FIRST, stem);
    net.hub.remove("classifier.1.weight");
    write(net, CONFIG, PICTURES);
    refuses(weights + ": classifier.1.weight: missing");
  }

  @Test
  void saysThatConfigJsonIsHardlyReadForOtherNames() throws IOException {
    Safetensors.write(weights, ForeignResnet.basic(2).torchvision, Map.of());
    Files.writeString(folder.resolve("config.json"), "{\"architecture\": \"resnet18\"}");
    assertThat(importFolder(ImportOptions.defaults()).name()).isEqualTo("resnet-5");
    assertThat(notes).singleElement().asString().startsWith("of config.json only");
  }

  /** Their weights have the names and shapes of plain networks. */
  @ParameterizedTest
  @ValueSource(strings = {"resnetaa50", "resnetblur18", "seresnextaa101d_32x8d"})
  void refusesTimmsAntiAliasedNetworks(String architecture) throws IOException {
    Safetensors.write(weights, ForeignResnet.basic(2).torchvision, Map.of());
    Path config = folder.resolve("config.json");
    Files.writeString(config, "{\"architecture\": \"%s\"}".formatted(architecture));
    refuses(
        config + ": $.architecture: is " + architecture + ", an anti-aliased network",
        "name the weights of a plain one");
  }

  @Test
  void aFolderNeedsItsWeights() throws IOException {
    refuses(folder + ": model.safetensors: missing; save the weights under that name");
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{}");
    refuses(folder + ": model.safetensors: missing, the weights are in several files");
    Path model = TinyImageModel.write(temp.resolve("model"), TinyImageModel.BASIC);
    assertThatThrownBy(() -> Importer.importModel(model.toString(), out, ImportOptions.defaults()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("lies in a model directory already");
  }

  private static String replaced(String json, String original, String changed) {
    assertThat(json).contains(original);
    return json.replace(original, changed == null ? "" : changed);
  }

  private void write(ForeignResnet net, String config, String pictures) throws IOException {
    Safetensors.write(weights, net.hub, Map.of("format", "pt"));
    Files.writeString(folder.resolve("config.json"), config);
    Files.writeString(folder.resolve("preprocessor_config.json"), pictures);
  }

  private ModelConfig importFolder(ImportOptions options) {
    return Importer.importModel(
        folder.toString(), out, options.withProgress(recorder()).withOverwrite(true));
  }

  private ImportOptions.Progress recorder() {
    return new ImportOptions.Progress() {
      @Override
      public void step(String step, int number, int of) {}

      @Override
      public void note(String text) {
        notes.add(text);
      }
    };
  }

  private void refuses(String... parts) {
    Path never = temp.resolve("never");
    assertThatThrownBy(
            () -> Importer.importModel(folder.toString(), never, ImportOptions.defaults()))
        .isInstanceOf(InputException.class)
        .message()
        .contains(parts);
    assertThat(never).doesNotExist();
  }
}
