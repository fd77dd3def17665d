package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
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
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ResnetImporterTest {
  @TempDir private Path temp;
  private final SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
  private final Random random = new Random(3);
  private Path source;
  private Path out;

  @BeforeEach
  void name() {
    source = temp.resolve("net.safetensors");
    out = temp.resolve("out");
  }

  @Test
  void importsTheCifarLayout() {
    cifar();
    ModelConfig config = importSource(ImportOptions.defaults());
    assertThat(config)
        .isEqualTo(
            new ModelConfig(
                1,
                "resnet",
                "net",
                new ResnetArchitecture(
                    new Image(32, 32, 3),
                    new Stem(4, 3, 1, false),
                    "basic",
                    List.of(new Group(2, 4, 4, 1), new Group(2, 8, 8, 2)),
                    1,
                    "pad"),
                new ImagePreprocessing(
                    32, List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225)),
                List.of(
                    "airplane",
                    "automobile",
                    "bird",
                    "cat",
                    "deer",
                    "dog",
                    "frog",
                    "horse",
                    "ship",
                    "truck"),
                List.of(new Exit(4, Head.ofImage(1, "top1"))),
                "net.safetensors"));
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config()).isEqualTo(config);
      assertThat(TinyModel.floats(model.tensor("exits.0.weight")))
          .isEqualTo(TinyModel.floats(tensors.get("linear.weight")));
      foldedInto(model, "blocks.2.conv1", "layer2.0.conv1", "layer2.0.bn1");
      foldedInto(model, "stem", "conv1", "bn1");
    }
  }

  private void foldedInto(ModelDirectory model, String to, String convolution, String norm) {
    Tensor weight = tensors.get(convolution + ".weight");
    long each = weight.elements() / weight.shape().getFirst();
    for (int o = 0; o < weight.shape().getFirst(); o++) {
      double deviation = Math.sqrt(tensors.get(norm + ".running_var").floatAt(o) + 1e-5);
      double gamma = tensors.get(norm + ".weight").floatAt(o);
      double mean = tensors.get(norm + ".running_mean").floatAt(o);
      double beta = tensors.get(norm + ".bias").floatAt(o);
      assertThat((double) model.tensor(to + ".bias").floatAt(o))
          .isCloseTo(beta - mean * gamma / deviation, within(1e-5));
      for (long i = o * each; i < (o + 1) * each; i++) {
        assertThat((double) model.tensor(to + ".weight").floatAt(i))
            .isCloseTo(weight.floatAt(i) * gamma / deviation, within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"downsample, fc, ''", "shortcut, linear, module."})
  void importsBottlenecksAndProjections(String shortcut, String head, String prefix) {
    convolution("conv1", "bn1", 4, 3, 7);
    int in = 4;
    for (int l = 1; l <= 2; l++) {
      for (int b = 0; b < 2; b++) {
        String name = "layer" + l + "." + b + ".";
        int inner = 4 * l;
        convolution(name + "conv1", name + "bn1", inner, in, 1);
        convolution(name + "conv2", name + "bn2", inner, inner / 2, 3);
        convolution(name + "conv3", name + "bn3", 2 * inner, inner, 1);
        if (b == 0) {
          String projection = name + shortcut;
          convolution(projection + ".0", projection + ".1", 2 * inner, in, 1);
        }
        in = 2 * inner;
      }
    }
    tensor(head + ".weight", 5, in);
    tensor(head + ".bias", 5);
    tensors.put("bn1.num_batches_tracked", counter());
    SequencedMap<String, Tensor> prefixed = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> prefixed.put(prefix + name, tensor));
    Safetensors.write(source, prefixed, Map.of());
    ModelConfig config =
        Importer.importModel(source.toString(), out, ImportOptions.defaults().withName("mine"));
    assertThat(config.name()).isEqualTo("mine");
    assertThat(config.labels()).containsExactly("0", "1", "2", "3", "4");
    assertThat(config.preprocessing()).extracting("resize").isEqualTo(256);
    assertThat(config.architecture())
        .isEqualTo(
            new ResnetArchitecture(
                new Image(224, 224, 3),
                new Stem(4, 7, 2, true),
                "bottleneck",
                List.of(new Group(2, 8, 4, 1), new Group(2, 16, 8, 2)),
                2,
                "projection"));
    try (ModelDirectory model = ModelDirectory.open(out)) {
      foldedInto(
          model, "blocks.2.shortcut", "layer2.0." + shortcut + ".0", "layer2.0." + shortcut + ".1");
      foldedInto(model, "blocks.3.conv3", "layer2.1.conv3", "layer2.1.bn3");
    }
  }

  @Test
  void optionsSayWhatTheFileDoesNot() throws IOException {
    cifar();
    Path labels = temp.resolve("labels.txt");
    Files.writeString(labels, "\ufeffa\nb\nc\nd\ne\nf\ng\nh\ni\n j \n");
    ImageOptions images =
        ImageOptions.defaults()
            .withLabels(labels)
            .withSize(28)
            .withMean(List.of(0.5, 0.5, 0.5))
            .withStd(List.of(0.25, 0.25, 0.25));
    ModelConfig config = importSource(ImportOptions.defaults().withImages(images));
    assertThat(config.labels()).startsWith("a").endsWith("j").hasSize(10);
    assertThat(config.resnet().image()).isEqualTo(new Image(28, 28, 3));
    assertThat(config.preprocessing())
        .isEqualTo(new ImagePreprocessing(28, List.of(0.5, 0.5, 0.5), List.of(0.25, 0.25, 0.25)));
    out = temp.resolve("other");
    Files.writeString(labels, "a\nb\n");
    refuses(images, labels + ": has 2 lines where the network has 10 classes");
    Files.writeString(labels, "a\na\n".repeat(5));
    refuses(images, labels + ": line 2: \"a\" is given twice");
    ImageOptions grey = ImageOptions.defaults().withMean(List.of(0.5));
    refuses(grey, "--mean: has 1 values where the network's images have 3 channels");
    refuses(ImageOptions.defaults().withSize(5000), "image.height: 5000 is out of range");
    assertThatThrownBy(() -> importSource(ImportOptions.defaults().withMaxTokens(12)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--max-tokens: is for models that take texts");
    Path bert = TinyModel.writeHuggingFace(temp, "");
    assertThatThrownBy(() ->
            Importer.importModel(bert.toString(), out, ImportOptions.defaults().withImages(grey)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--mean: is for models that take images");
    assertThat(out).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void asksForThePoolingThatTheFileDoesNotTell(boolean maxPool) {
    cifarUnderTorchvisionsNames();
    refuses("net.safetensors: conv1.weight: is of 3x3 before downsample and fc");
    refuses("say --max-pool or --no-max-pool");
    assertThat(out).doesNotExist();
    ModelConfig config = importSource(maxPool(maxPool));
    assertThat(config.resnet().stem()).isEqualTo(new Stem(4, 3, 1, maxPool));
    assertThat(config.resnet().image()).isEqualTo(new Image(32, 32, 3));
    assertThat(config.labels()).startsWith("airplane");
  }

  @Test
  void refusesToBeToldOfThePoolingWhereItIsKnown() {
    cifar();
    refusesMaxPool();
    tensors.clear();
    tensors.putAll(ForeignResnet.basic(2).torchvision);
    refusesMaxPool();
    tensors.clear();
    tensors.putAll(ForeignResnet.basic(2).hub);
    refusesMaxPool();
  }

  private void refusesMaxPool() {
    for (boolean value : List.of(true, false)) {
      assertThatThrownBy(() -> importSource(maxPool(value)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(
              (value ? ": --max-pool" : ": --no-max-pool") + ": is for networks with a first");
    }
  }

  private static ImportOptions maxPool(boolean value) {
    return ImportOptions.defaults().withImages(ImageOptions.defaults().withMaxPool(value));
  }

  @Test
  void namesWhatIsWrongWithATensor() {
    cifar();
    Tensor kept = tensors.remove("layer2.1.bn2.running_var");
    refuses("net.safetensors: layer2.1.bn2.running_var: missing, so this is no whole");
    tensors.put("layer2.1.bn2.running_var", Tensor.ofFloats("v", new float[4], 4));
    refuses("layer2.1.bn2.running_var: has shape [4] where [8] is needed");
    float[] values = TinyModel.floats(kept);
    values[3] = -1;
    tensors.put("layer2.1.bn2.running_var", Tensor.ofFloats("v", values, 8));
    refuses("layer2.1.bn2.running_var: -1.0 is no variance");
    values[3] = Float.NaN;
    tensors.put("layer2.1.bn2.running_var", Tensor.ofFloats("v", values, 8));
    refuses("layer2.1.bn2.running_var: holds NaN");
    tensors.put("layer2.1.bn2.running_var", kept);
    tensor("layer2.1.attention.weight", 8);
    refuses("layer2.1.attention.weight: has no place in a residual network");
    tensors.remove("layer2.1.attention.weight");
    kept = tensors.get("layer1.1.conv2.weight");
    tensor("layer1.1.conv2.weight", 4, 4, 1, 1);
    refuses("layer1.1.conv2.weight: has shape [4, 4, 1, 1] where [4, 4, 3, 3] is needed");
    tensors.put("layer1.1.conv2.weight", kept);
    tensor("conv1.weight", 4, 3, 5, 5);
    refuses("conv1.weight: is of 5x5; a residual network for ImageNet has 7x7");
    tensor("conv1.weight", 4, 3);
    refuses("conv1.weight: has shape [4, 3], too few sizes");
    tensor("conv1.weight", 4, 2, 3, 3);
    refuses("image.channels: 2 is not possible; use 1 (grey) or 3 (colour)");
    assertThat(out).doesNotExist();
  }

  @Test
  void importsAFileThatSaysEverythingItself() {
    ModelConfig config = TinyImageModel.BASIC;
    Gson gson = new Gson();
    Map<String, String> metadata =
        new LinkedHashMap<>(
            Map.of(
                "format", "offramp-resnet",
                "name", "jointly trained",
                "architecture", gson.toJson(config.architecture()),
                "preprocessing", gson.toJson(config.preprocessing()),
                "labels", gson.toJson(config.labels()),
                "exits", gson.toJson(config.exits())));
    tensors.putAll(TinyImageModel.tensors(config));
    Safetensors.write(source, tensors, metadata);
    List<String> steps = new ArrayList<>();
    ModelConfig imported =
        Importer.importModel(
            source.toString(),
            out,
            ImportOptions.defaults()
                .withProgress((step, number, of) -> steps.add(number + "/" + of)));
    assertThat(steps).containsExactly("1/2", "2/2");
    assertThat(imported)
        .isEqualTo(
            new ModelConfig(
                1,
                "resnet",
                "jointly trained",
                config.architecture(),
                config.preprocessing(),
                config.labels(),
                config.exits(),
                "net.safetensors"));
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config()).isEqualTo(imported);
      tensors.forEach((name, tensor) ->
          assertThat(TinyModel.floats(model.tensor(name))).isEqualTo(TinyModel.floats(tensor)));
    }
    out = temp.resolve("other");
    ImportOptions sized = ImportOptions.defaults().withImages(ImageOptions.defaults().withSize(16));
    assertThatThrownBy(() -> Importer.importModel(source.toString(), out, sized))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--image-size: is said by the file itself");
    tensors.remove("blocks.2.conv2.bias");
    Safetensors.write(source, tensors, metadata);
    assertThatThrownBy(() -> Importer.importModel(source.toString(), out, ImportOptions.defaults()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("net.safetensors: blocks.2.conv2.bias: missing");
    metadata.remove("exits");
    Safetensors.write(source, tensors, metadata);
    assertThatThrownBy(() -> Importer.importModel(source.toString(), out, ImportOptions.defaults()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("net.safetensors: __metadata__.exits: missing");
  }

  /** Two blocks of 4 channels and two of 8, ten classes. */
  private void cifar() {
    convolution("conv1", "bn1", 4, 3, 3);
    int in = 4;
    for (int l = 1; l <= 2; l++) {
      for (int b = 0; b < 2; b++) {
        String name = "layer" + l + "." + b + ".";
        convolution(name + "conv1", name + "bn1", 4 * l, in, 3);
        convolution(name + "conv2", name + "bn2", 4 * l, 4 * l, 3);
        in = 4 * l;
      }
    }
    tensor("linear.weight", 10, 8);
    tensor("linear.bias", 10);
  }

  /** As {@link #cifar}, with a projection. */
  private void cifarUnderTorchvisionsNames() {
    cifar();
    for (String part : List.of("weight", "bias")) {
      tensors.put("fc." + part, tensors.remove("linear." + part));
    }
    convolution("layer2.0.downsample.0", "layer2.0.downsample.1", 8, 4, 1);
  }

  private void convolution(String name, String norm, long out, long in, long kernel) {
    tensor(name + ".weight", out, in, kernel, kernel);
    tensor(norm + ".weight", out);
    tensor(norm + ".bias", out);
    tensor(norm + ".running_mean", out);
    float[] variance = TinyModel.floats(tensor(norm + ".running_var", out));
    for (int i = 0; i < out; i++) {
      variance[i] = 0.1f + Math.abs(variance[i]);
    }
    tensors.put(norm + ".running_var", Tensor.ofFloats("variance", variance, out));
  }

  private Tensor tensor(String name, long... shape) {
    Tensor tensor = TinyModel.random(name, Tensor.boxed(shape), random);
    tensors.put(name, tensor);
    return tensor;
  }

  private static Tensor counter() {
    Tensor zero = Tensor.ofFloats("zero", new float[2], 2);
    return new Tensor("counter", TensorType.I64, List.of(), zero.data());
  }

  private ModelConfig importSource(ImportOptions options) {
    Safetensors.write(source, tensors, Map.of());
    return Importer.importModel(source.toString(), out, options);
  }

  private void refuses(String message) {
    refuses(ImageOptions.defaults(), message);
  }

  private void refuses(ImageOptions images, String message) {
    assertThatThrownBy(() -> importSource(ImportOptions.defaults().withImages(images)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }
}
