package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads a residual network whose tensors PyTorch named: {@code conv1} and {@code bn1}, blocks
 * {@code layerL.B} of {@code conv1}, {@code bn1} and so on, {@code fc} or {@code linear}. Whether a
 * shortcut is a convolution is seen by {@code downsample} or {@code shortcut} in the file.
 *
 * <p>A first convolution of 7x7 marks torchvision's networks for ImageNet (stride 2, max pooling,
 * images of 224x224 cut from 256), one of 3x3 those for CIFAR (stride 1, 32x32). Either halves the
 * image at each group of blocks but the first. Strides, normalisation and names of classes are not
 * in the file: they are those of the layout, unless options say otherwise.
 */
final class ResnetForeignLayout {
  static final String FIRST = "layer1.0.conv1.weight";
  private static final int CIFAR_KERNEL = 3;
  private static final int CIFAR_SIZE = 32;
  private static final int IMAGENET_KERNEL = 7;
  private static final int IMAGENET_SIZE = 224;
  private static final int IMAGENET_RESIZE = 256;

  /** Of the channels of ImageNet's training images; the usual ones for CIFAR-10 networks too. */
  private static final List<Double> MEAN = List.of(0.485, 0.456, 0.406);

  private static final List<Double> STD = List.of(0.229, 0.224, 0.225);

  private final Path file;
  private final ImportOptions options;
  private final ResnetForeignTensors tensors;

  ResnetForeignLayout(Path file, Safetensors contents, ImportOptions options) {
    this.file = file;
    this.options = options;
    tensors = new ResnetForeignTensors(file, contents.tensors(), prefix(contents).orElseThrow());
  }

  /** What stands before all names, such as {@code module.}; empty if this is no such network. */
  static Optional<String> prefix(Safetensors contents) {
    return contents.tensors().keySet().stream()
        .filter(name -> name.endsWith(FIRST))
        .map(name -> name.substring(0, name.length() - FIRST.length()))
        .findFirst();
  }

  ResnetImporter.Network read(Arena arena) {
    List<String> blocks = new ArrayList<>();
    ResnetArchitecture architecture = ModelConfigCheck.checked(architecture(blocks), file);
    String head = tensors.has("fc.weight") ? "fc" : "linear";
    int classes = tensors.size(head + ".weight", 0);
    SequencedMap<String, Tensor> folded = new LinkedHashMap<>();
    for (ResnetTensors.Convolution to : ResnetTensors.convolutions(architecture)) {
      String[] from = sources(to.name(), blocks);
      tensors.fold(to, from[0], from[1], arena, folded);
    }
    Exit exit = new Exit(architecture.layers(), Head.ofImage(1, "top1"));
    long features = architecture.features(exit.afterLayer(), exit.head());
    tensors.move(head + ".weight", ModelTensors.exitWeight(0), folded, classes, features);
    tensors.move(head + ".bias", ModelTensors.exitBias(0), folded, classes);
    tensors.requireAllTaken();
    String fileName = file.getFileName().toString();
    ModelConfig config =
        new ModelConfig(
            ModelConfig.FORMAT,
            ModelConfig.RESNET,
            options.name().orElse(Importer.withoutEnding(fileName)),
            architecture,
            preprocessing(architecture),
            options
                .images()
                .labels()
                .map(names -> labels(names, classes))
                .orElseGet(() ->
                    isImageNet(architecture.stem().kernel()) || classes != CifarFile.LABELS.size()
                        ? IntStream.range(0, classes).mapToObj(Integer::toString).toList()
                        : CifarFile.LABELS),
            List.of(exit),
            fileName);
    return new ResnetImporter.Network(config, folded);
  }

  /**
   * @param blocks filled with what stands before the names of each block
   */
  private ResnetArchitecture architecture(List<String> blocks) {
    int kernel = tensors.size("conv1.weight", 2);
    if (kernel != CIFAR_KERNEL && kernel != IMAGENET_KERNEL) {
      throw tensors.error(
          "conv1.weight",
          "is of %1$dx%1$d; a residual network for ImageNet has 7x7 and one for CIFAR 3x3"
              .formatted(kernel));
    }
    boolean bottleneck = tensors.has("layer1.0.conv3.weight");
    List<Group> groups = new ArrayList<>();
    boolean projects = false;
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
              l == 1 ? 1 : 2));
      projects |= !shortcut(first).isEmpty();
    }
    int size = options.images().size().orElse(isImageNet(kernel) ? IMAGENET_SIZE : CIFAR_SIZE);
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
            isImageNet(kernel)),
        bottleneck ? ResnetArchitecture.BOTTLENECK : ResnetArchitecture.BASIC,
        groups,
        cardinality,
        projects ? ResnetArchitecture.PROJECTION : ResnetArchitecture.PAD);
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
      String shortcut = found.isEmpty() ? block + "downsample" : found;
      return new String[] {shortcut + ".0", shortcut + ".1"};
    }
    return new String[] {block + parts[2], block + parts[2].replace("conv", "bn")};
  }

  /** Name of a block's shortcut, if it has convolutions there; else empty. */
  private String shortcut(String block) {
    for (String name : List.of("downsample", "shortcut")) {
      if (tensors.has(block + name + ".0.weight")) {
        return block + name;
      }
    }
    return "";
  }

  private ImagePreprocessing preprocessing(ResnetArchitecture architecture) {
    int size = architecture.image().height();
    int resize =
        isImageNet(architecture.stem().kernel())
            ? Math.round((float) size * IMAGENET_RESIZE / IMAGENET_SIZE)
            : size;
    return new ImagePreprocessing(
        resize,
        perChannel("--mean", options.images().mean(), MEAN, architecture),
        perChannel("--std", options.images().std(), STD, architecture));
  }

  private List<Double> perChannel(
      String option,
      Optional<List<Double>> given,
      List<Double> usual,
      ResnetArchitecture architecture) {
    List<Double> values = given.orElse(usual);
    int channels = architecture.image().channels();
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
    List<String> labels = Disk.readText(names, 1 << 24).lines().map(String::strip).toList();
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
