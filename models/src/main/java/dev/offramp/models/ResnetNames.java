package dev.offramp.models;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a file names the tensors of a residual network. The importer speaks of them by torchvision's
 * names.
 *
 * @param prefix before all names, such as {@code module.}
 * @param hub whether they are those of Hugging Face's transformers
 */
record ResnetNames(String prefix, boolean hub) {
  static final String FIRST = "layer1.0.conv1.weight";
  static final String HUB_FIRST = "resnet.embedder.embedder.convolution.weight";

  /** The group and the block, which the stem and the head have not, the part and the parameter. */
  private static final Pattern NAME =
      Pattern.compile("(?:layer(\\d+)\\.(\\d+)\\.)?(conv|bn|downsample\\.|fc)(\\d?)\\.(\\w+)");

  /** Empty if this is no such network. */
  static Optional<ResnetNames> of(Safetensors contents) {
    return ending(contents, FIRST)
        .map(prefix -> new ResnetNames(prefix, false))
        .or(() -> ending(contents, HUB_FIRST).map(prefix -> new ResnetNames(prefix, true)));
  }

  private static Optional<String> ending(Safetensors contents, String first) {
    return contents.tensors().keySet().stream()
        .filter(name -> name.endsWith(first))
        .map(name -> name.substring(0, name.length() - first.length()))
        .findFirst();
  }

  /** The name in the file; torchvision's own where the file's layout has no such part. */
  String inFile(String torchvision) {
    return prefix + (hub ? hub(torchvision) : torchvision);
  }

  private static String hub(String name) {
    Matcher parts = NAME.matcher(name);
    if (!parts.matches()) {
      return name;
    }
    String part = parts.group(3);
    String parameter = "." + parts.group(5);
    if (part.equals("fc")) {
      return "classifier.1" + parameter;
    }
    boolean shortcut = part.startsWith("downsample");
    boolean convolves = part.equals("conv") || shortcut && parts.group(4).equals("0");
    String kind = (convolves ? ".convolution" : ".normalization") + parameter;
    if (parts.group(1) == null) {
      return "resnet.embedder.embedder" + kind;
    }
    return "resnet.encoder.stages."
        + (Integer.parseInt(parts.group(1)) - 1)
        + ".layers."
        + parts.group(2)
        + (shortcut ? ".shortcut" : ".layer." + (Integer.parseInt(parts.group(4)) - 1))
        + kind;
  }
}
