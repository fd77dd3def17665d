package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Safetensors;
import dev.offramp.models.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageImportCliTest {
  @TempDir private Path folder;

  @Test
  void weightsOfAResidualNetworkBecomeAModelDirectoryAndOnnx() throws IOException {
    Path weights = weights();
    Path out = folder.resolve("model");
    Path labels = Files.writeString(folder.resolve("labels.txt"), "cat\ndog\n");
    Offramp.Outcome outcome =
        offramp(
            "import",
            weights,
            "--out",
            out,
            "--labels",
            labels,
            "--image-size",
            16,
            "--mean",
            "0.5,0.4,0.3",
            "--std",
            "0.25,0.25,0.25");
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out().strip()).isEqualTo(out.toString());
    assertThat(outcome.err()).contains("net, 1 blocks on images of 16 x 16 (bilinear), 1 exits");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().labels()).containsExactly("cat", "dog");
      assertThat(model.config().preprocessing())
          .isEqualTo(new ImagePreprocessing(16, List.of(0.5, 0.4, 0.3), List.of(0.25, 0.25, 0.25)));
    }
    Path onnx = folder.resolve("model.onnx");
    assertThat(offramp("export", "--model", out, "--onnx", onnx).code()).isZero();
    assertThat(onnx).isNotEmptyFile();
    Path never = folder.resolve("never");
    refuses(2, "--mean: has 1 values", "import", weights, "--out", never, "--mean", "0.5");
    for (String bad : List.of("--std=0,0,0", "--std=0.2,-1,0.2", "--mean=0.5,1e9,0.5")) {
      String option = bad.substring(0, bad.indexOf('='));
      Offramp.Outcome refused = offramp("import", folder.resolve("gone"), "--out", never, bad);
      assertThat(refused.code()).isEqualTo(2);
      assertThat(refused.err()).startsWith("offramp: " + option + ": ").contains("is out of range");
    }
    refuses(2, "'x' is not a double", "import", weights, "--out", never, "--mean", "0.5,x");
    refuses(
        2, "is for models that take texts", "import", weights, "--out", never, "--max-tokens", 7);
    assertThat(never).doesNotExist();
  }

  @Test
  void maxPoolingIsSaidWhereTheFileDoesNotTell() {
    Path weights = weights();
    Path never = folder.resolve("never");
    for (String flag : List.of("--max-pool", "--no-max-pool")) {
      refuses(2, flag + ": is for networks with", "import", weights, "--out", never, flag);
    }
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    convolution(tensors, "conv1", "bn1", 3);
    convolution(tensors, "layer1.0.conv1", "layer1.0.bn1", 4);
    convolution(tensors, "layer1.0.conv2", "layer1.0.bn2", 4);
    convolution(tensors, "layer2.0.conv1", "layer2.0.bn1", 4);
    convolution(tensors, "layer2.0.conv2", "layer2.0.bn2", 4);
    convolution(tensors, "layer2.0.downsample.0", "layer2.0.downsample.1", 4);
    ones(tensors, "layer2.0.downsample.0.weight", 4, 4, 1, 1);
    ones(tensors, "fc.weight", 2, 4);
    ones(tensors, "fc.bias", 2);
    Safetensors.write(weights, tensors, Map.of());
    refuses(2, "say --max-pool or --no-max-pool", "import", weights, "--out", never);
    refuses(
        2,
        "--max-pool: is given twice",
        "import",
        weights,
        "--out",
        never,
        "--max-pool",
        "--no-max-pool");
    assertThat(never).doesNotExist();
    for (boolean pools : List.of(true, false)) {
      Path out = folder.resolve("model-" + pools);
      String flag = pools ? "--max-pool" : "--no-max-pool";
      assertThat(offramp("import", weights, "--out", out, flag).code()).isZero();
      try (ModelDirectory model = ModelDirectory.open(out)) {
        assertThat(model.config().resnet().stem().maxPool()).isEqualTo(pools);
      }
    }
  }

  @Test
  void aFolderOfHuggingFaceIsReadWithWhatItsFilesSay() throws IOException {
    Path source = Files.createDirectory(folder.resolve("resnet-3"));
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    hub(tensors, "resnet.embedder.embedder.", 3, 7);
    hub(tensors, "resnet.encoder.stages.0.layers.0.layer.0.", 4, 3);
    hub(tensors, "resnet.encoder.stages.0.layers.0.layer.1.", 4, 3);
    ones(tensors, "classifier.1.weight", 3, 4);
    ones(tensors, "classifier.1.bias", 3);
    Safetensors.write(source.resolve("model.safetensors"), tensors, Map.of());
    Files.writeString(
        source.resolve("config.json"),
        """
        {"model_type": "resnet", "id2label": {"0": "crane", "1": "dog", "2": "crane"}}
        """);
    Path out = folder.resolve("model");
    Offramp.Outcome outcome = offramp("import", source, "--out", out);
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err())
        .contains("no preprocessor_config.json lies beside the weights")
        .contains("classes of the same name get their numbers: crane (0); crane (2)")
        .contains("resnet-3, 1 blocks on images of 224 x 224 cut from 256 (bilinear), 1 exits");
    Files.writeString(
        source.resolve("preprocessor_config.json"),
        """
        {"size": 32, "resample": 3, "image_mean": 0.5, "image_std": 0.5}
        """);
    outcome = offramp("import", source, "--out", out, "--overwrite");
    assertThat(outcome.code()).isZero();
    assertThat(outcome.err())
        .doesNotContain("lies beside")
        .contains("resnet-3, 1 blocks on images of 32 x 32 cut from 36 (bicubic), 1 exits");
    Path labels = Files.writeString(folder.resolve("labels.txt"), "a\nb\nc\n");
    outcome = offramp("import", source, "--out", out, "--overwrite", "--labels", labels);
    assertThat(outcome.err()).doesNotContain("same name");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().labels()).containsExactly("a", "b", "c");
    }
  }

  private static void hub(SequencedMap<String, Tensor> tensors, String name, long in, long side) {
    ones(tensors, name + "convolution.weight", 4, in, side, side);
    for (String part : List.of("weight", "bias", "running_mean", "running_var")) {
      ones(tensors, name + "normalization." + part, 4);
    }
  }

  /** One block of the CIFAR layout. */
  private Path weights() {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    convolution(tensors, "conv1", "bn1", 3);
    convolution(tensors, "layer1.0.conv1", "layer1.0.bn1", 4);
    convolution(tensors, "layer1.0.conv2", "layer1.0.bn2", 4);
    ones(tensors, "linear.weight", 2, 4);
    ones(tensors, "linear.bias", 2);
    Path file = folder.resolve("net.safetensors");
    Safetensors.write(file, tensors, Map.of());
    return file;
  }

  private static void convolution(
      SequencedMap<String, Tensor> tensors, String name, String norm, int in) {
    ones(tensors, name + ".weight", 4, in, 3, 3);
    for (String part : List.of("weight", "bias", "running_mean", "running_var")) {
      ones(tensors, norm + "." + part, 4);
    }
  }

  private static void ones(SequencedMap<String, Tensor> tensors, String name, long... shape) {
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    Arrays.fill(values, 1);
    tensors.put(name, Tensor.ofFloats(name, values, shape));
  }
}
