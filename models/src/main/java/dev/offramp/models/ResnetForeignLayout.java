package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Reads a residual network whose tensors PyTorch named: {@code conv1} and {@code bn1}, blocks
 * {@code layerL.B} of {@code conv1}, {@code bn1} and so on, {@code fc} or {@code linear}, or as
 * {@link ResnetNames} says. Whether a shortcut is a convolution is seen by {@code downsample} or
 * {@code shortcut} in the file.
 *
 * <p>A first convolution of 7x7 marks torchvision's networks for ImageNet (stride 2, max pooling,
 * images of 224x224 cut from 256), one of 3x3 those for CIFAR (stride 1, 32x32; max pooling where
 * an option says so). Either halves the image at each group of blocks but the first. Strides,
 * normalisation and names of classes are not in the file: they are those of the layout, unless
 * options say otherwise, or the files that transformers writes beside its weights.
 */
final class ResnetForeignLayout {
  private static final int CIFAR_KERNEL = 3;
  private static final int CIFAR_SIZE = 32;
  private static final int IMAGENET_KERNEL = 7;
  private static final int IMAGENET_SIZE = 224;
  private static final int IMAGENET_RESIZE = 256;

  /** A shortcut's convolution under torchvision's names. */
  private static final String DOWNSAMPLE = "downsample";

  /** Of the channels of ImageNet's training images; the usual ones for CIFAR-10 networks too. */
  private static final List<Double> MEAN = List.of(0.485, 0.456, 0.406);

  private static final List<Double> STD = List.of(0.229, 0.224, 0.225);

  private final Path file;
  private final ImportOptions options;
  private final boolean hub;
  private final ResnetForeignTensors tensors;
  private final Optional<HubConfig> config;
  private final Optional<HubPictures> pictures;

  /**
   * @param arena that tensors live in
   */
  ResnetForeignLayout(Path file, Safetensors contents, ImportOptions options, Arena arena) {
    this.file = file;
    this.options = options;
    ResnetNames names = ResnetNames.of(contents).orElseThrow();
    hub = names.hub();
    tensors = new ResnetForeignTensors(file, contents.tensors(), names, arena);
    config = hub ? HubConfig.beside(file) : Optional.empty();
    pictures = hub ? HubPictures.beside(file) : Optional.empty();
  }

  ResnetImporter.Network read() {
    noteFiles();
    List<String> blocks = new ArrayList<>();
    ResnetArchitecture architecture = ModelConfigCheck.checked(architecture(blocks), file);
    config.ifPresent(hubConfig -> hubConfig.check(architecture));
    String head = hub || tensors.has("fc.weight") ? "fc" : "linear";
    int classes = tensors.size(head + ".weight", 0);
    SequencedMap<String, Tensor> folded = new LinkedHashMap<>();
    for (ResnetTensors.Convolution to : ResnetTensors.convolutions(architecture)) {
      String[] from = sources(to.name(), blocks);
      tensors.fold(to, from[0], from[1], folded);
    }
    Exit exit = new Exit(architecture.layers(), Head.ofImage(1, "top1"));
    long features = architecture.features(exit.afterLayer(), exit.head());
    tensors.move(head + ".weight", ModelTensors.exitWeight(0), folded, classes, features);
    tensors.move(head + ".bias", ModelTensors.exitBias(0), folded, classes);
    tensors.requireAllTaken();
    ModelConfig imported =
        new ModelConfig(
            ModelConfig.FORMAT,
            ModelConfig.RESNET,
            options.name().orElse(Importer.usualName(file)),
            architecture,
            preprocessing(architecture),
            options
                .images()
                .labels()
                .map(names -> labels(names, classes))
                .or(() ->
                    config.flatMap(hubConfig -> hubConfig.labels(classes, options.progress())))
                .orElseGet(() ->
                    isImageNet(architecture.stem().kernel()) || classes != CifarFile.LABELS.size()
                        ? IntStream.range(0, classes).mapToObj(Integer::toString).toList()
                        : CifarFile.LABELS),
            List.of(exit),
            file.getFileName().toString());
    return new ResnetImporter.Network(imported, folded);
  }

  private void noteFiles() {
    if (hub && config.isEmpty()) {
      note("no config.json lies beside the weights: the first stage is taken not to downsample");
    }
    if (hub && pictures.isEmpty()) {
      note(
          "no preprocessor_config.json lies beside the weights: images are treated as usual for"
              + " ImageNet, unless options say otherwise");
    }
    Path other = file.resolveSibling(ModelDirectory.CONFIG);
    if (!hub && Files.exists(other)) {
      TimmConfig.check(other);
      note(
          "of config.json only timm's architecture is read, as the weights have torchvision's"
              + " names: say by options what is not as usual");
    }
  }

  private void note(String text) {
    options.progress().note(text);
  }

  /**
   * @param blocks filled with what stands before the names of each block
   */
  private ResnetArchitecture architecture(List<String> blocks) {
    int kernel = tensors.size("conv1.weight", 2);
    if (kernel != IMAGENET_KERNEL && (hub || kernel != CIFAR_KERNEL)) {
      throw tensors.error(
          "conv1.weight",
          "is of %1$dx%1$d; a residual network for ImageNet has 7x7 and one for CIFAR 3x3"
              .formatted(kernel));
    }
    boolean bottleneck = tensors.has("layer1.0.conv3.weight");
    List<Group> groups = new ArrayList<>();
    boolean projects = hub;
    int firstStride = config.map(HubConfig::firstStride).orElse(1);
    for (int l = 1; tensors.has("layer" + l + ".0.conv1.weight"); l++) {
      String first = "layer" + l + ".0.";
      int count = 0;
      for (; tensors.has("layer" + l + "." + count + ".conv1.weight"); count++) {
        blocks.add("layer" + l + "." + count + ".");
      }
      groups.add(
          new Group(
              count,
              tensors.size(first + (bottleneck ? "conv3.weight" : "conv2.weight"), 0),
              tensors.size(first + "conv1.weight", 0),
              l == 1 ? firstStride : 2));
      projects |= !shortcut(first).isEmpty();
    }
    int usualSize = isImageNet(kernel) ? IMAGENET_SIZE : CIFAR_SIZE;
    OptionalInt given = options.images().size();
    int size = pictures.map(p -> p.size(given)).orElseGet(() -> given.orElse(usualSize));
    int cardinality = 1;
    if (bottleneck) {
      int width = Math.max(1, tensors.size("layer1.0.conv2.weight", 1));
      cardinality = groups.getFirst().inner() / width;
    }
    return new ResnetArchitecture(
        new Image(size, size, tensors.size("conv1.weight", 1)),
        new Stem(
            tensors.size("conv1.weight", 0),
            kernel,
            isImageNet(kernel) ? 2 : 1,
            maxPool(kernel, blocks)),
        bottleneck ? ResnetArchitecture.BOTTLENECK : ResnetArchitecture.BASIC,
        groups,
        cardinality,
        projects ? ResnetArchitecture.PROJECTION : ResnetArchitecture.PAD);
  }

  /**
   * Whether max pooling follows the first convolution. Under torchvision's names further on there
   * are networks of 3x3 with it and without, and their files do not differ.
   */
  private boolean maxPool(int kernel, List<String> blocks) {
    Optional<Boolean> given = options.images().maxPool();
    boolean untold =
        !isImageNet(kernel)
            && tensors.has("fc.weight")
            && blocks.stream().anyMatch(block -> tensors.has(block + DOWNSAMPLE + ".0.weight"));
    if (untold) {
      return given.orElseThrow(() ->
          tensors.error(
              "conv1.weight",
              "is of 3x3 before downsample and fc, as in networks that have a max pooling after it"
                  + " (huyvnphan's PyTorch_CIFAR10) and in others that have none (chenyaofo's"
                  + " pytorch-cifar-models); say --max-pool or --no-max-pool, as the code that"
                  + " trained the network has it"));
    }
    given.ifPresent(value -> {
      throw InputException.in(
          file,
          ImageOptions.maxPoolFlag(value),
          "is for networks with a first convolution of 3x3, downsample and fc, whose files do not"
              + " tell; leave it out");
    });
    return isImageNet(kernel);
  }

  private static boolean isImageNet(int kernel) {
    return kernel == IMAGENET_KERNEL;
  }

  /** Names of the convolution and the batch norm that a convolution is made of. */
  private String[] sources(String name, List<String> blocks) {
    if (name.equals(ResnetTensors.STEM)) {
      return new String[] {"conv1", "bn1"};
    }
    String[] parts = name.split("\\.");
    String block = blocks.get(Integer.parseInt(parts[1]));
    if (parts[2].equals(ResnetTensors.SHORTCUT)) {
      String found = shortcut(block);
      String shortcut = found.isEmpty() ? block + DOWNSAMPLE : found;
      return new String[] {shortcut + ".0", shortcut + ".1"};
    }
    return new String[] {block + parts[2], block + parts[2].replace("conv", "bn")};
  }

  /** Name of a block's shortcut, if it has convolutions there; else empty. */
  private String shortcut(String block) {
    for (String name : List.of(DOWNSAMPLE, "shortcut")) {
      if (tensors.has(block + name + ".0.weight")) {
        return block + name;
      }
    }
    return "";
  }

  private ImagePreprocessing preprocessing(ResnetArchitecture architecture) {
    int size = architecture.image().height();
    int channels = architecture.image().channels();
    int usualResize =
        isImageNet(architecture.stem().kernel())
            ? Math.round((float) size * IMAGENET_RESIZE / IMAGENET_SIZE)
            : size;
    return new ImagePreprocessing(
        pictures.map(p -> p.resize(size)).orElse(usualResize),
        pictures.map(HubPictures::resample).orElse(Resample.BILINEAR).jsonName(),
        perChannel(
            "--mean",
            options.images().mean(),
            () -> pictures.map(p -> p.mean(channels)).orElse(MEAN),
            channels),
        perChannel(
            "--std",
            options.images().std(),
            () -> pictures.map(p -> p.std(channels)).orElse(STD),
            channels));
  }

  private List<Double> perChannel(
      String option, Optional<List<Double>> given, Supplier<List<Double>> usual, int channels) {
    List<Double> values = given.orElseGet(usual);
    if (values.size() != channels) {
      throw InputException.in(
          file,
          option,
          "has "
              + values.size()
              + (given.isPresent() ? " values" : " values by default")
              + " where the network's images have "
              + channels
              + (channels == 1 ? " channel" : " channels")
              + "; give as many with "
              + option);
    }
    return values;
  }

  private static List<String> labels(Path names, int classes) {
    List<String> labels = Disk.readLines(names, 1 << 24).stream().map(String::strip).toList();
    if (labels.size() != classes) {
      throw InputException.in(
          names,
          null,
          "has "
              + labels.size()
              + " lines where the network has "
              + classes
              + " classes; write the name of a class on each line");
    }
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < classes; i++) {
      if (labels.get(i).isEmpty() || !seen.add(labels.get(i))) {
        throw InputException.in(
            names,
            "line " + (i + 1),
            labels.get(i).isEmpty()
                ? "is blank; name the class"
                : "\"" + labels.get(i) + "\" is given twice; make labels unique");
      }
    }
    return labels;
  }
}
