package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Block;
import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.util.List;

/** The rules for convolutional models; sizes are bounded before anything is worked out of them. */
record ResnetCheck(FieldCheck check) {
  private static final int MAX_SIDE = 4096;
  private static final int MAX_KERNEL = 15;
  private static final int MAX_STRIDE = 8;
  private static final int MAX_GROUPS = 64;
  private static final int MAX_BLOCKS = 1_000;
  private static final int MAX_CHANNELS = 1 << 14;

  /** Numbers that one image may have after any convolution. */
  private static final long MAX_ACTIVATIONS = 1 << 28;

  private static final double MAX_SCALE = 1e6;

  /**
   * @param at what to put before a field's name
   */
  void architecture(ResnetArchitecture a, String at) {
    image(a.image(), at + "image.");
    stem(a.stem(), at + "stem.");
    check.oneOf(
        at + "block", a.block(), List.of(ResnetArchitecture.BASIC, ResnetArchitecture.BOTTLENECK));
    check.oneOf(
        at + "shortcut",
        a.shortcut(),
        List.of(ResnetArchitecture.PAD, ResnetArchitecture.PROJECTION));
    boolean basic = a.block().equals(ResnetArchitecture.BASIC);
    check.range(at + "cardinality", a.cardinality(), 1, basic ? 1 : MAX_CHANNELS);
    check.range(at + "groups (length)", a.groups().size(), 1, MAX_GROUPS);
    long blocks = 0;
    for (int g = 0; g < a.groups().size(); g++) {
      group(a.groups().get(g), basic, a.cardinality(), at + "groups[" + g + "].");
      blocks += a.groups().get(g).blocks();
    }
    check.range(at + "groups (blocks together)", blocks, 1, MAX_BLOCKS);
    activations(a, at);
    if (a.shortcut().equals(ResnetArchitecture.PAD)) {
      padding(a, at);
    } else {
      projections(a, at);
    }
  }

  private void image(Image image, String at) {
    check.range(at + "height", image.height(), 1, MAX_SIDE);
    check.range(at + "width", image.width(), 1, MAX_SIDE);
    if (image.channels() != 1 && image.channels() != 3) {
      throw check.error(
          at + "channels", image.channels() + " is not possible; use 1 (grey) or 3 (colour)");
    }
  }

  private void stem(Stem stem, String at) {
    check.range(at + "channels", stem.channels(), 1, MAX_CHANNELS);
    check.range(at + "kernel", stem.kernel(), 1, MAX_KERNEL);
    if (stem.kernel() % 2 == 0) {
      throw check.error(at + "kernel", stem.kernel() + " is even; use an odd number");
    }
    check.range(at + "stride", stem.stride(), 1, MAX_STRIDE);
  }

  private void group(Group group, boolean basic, int cardinality, String at) {
    check.range(at + "blocks", group.blocks(), 1, MAX_BLOCKS);
    check.range(at + "channels", group.channels(), 1, MAX_CHANNELS);
    check.range(at + "inner", group.inner(), 1, MAX_CHANNELS);
    check.range(at + "stride", group.stride(), 1, MAX_STRIDE);
    if (basic && group.inner() != group.channels()) {
      throw check.error(
          at + "inner",
          group.inner()
              + " where channels is "
              + group.channels()
              + "; basic blocks need the same");
    }
    if (group.inner() % cardinality != 0) {
      throw check.error(
          at + "inner",
          group.inner() + " is not a multiple of cardinality " + cardinality + "; correct one");
    }
  }

  private void activations(ResnetArchitecture a, String at) {
    String channels = at + "stem.channels";
    size(channels, a.stemOut(), a.stem().channels());
    int layer = 0;
    for (Block block : a.blocks()) {
      channels = at + "groups (block " + ++layer + ")";
      size(channels, block.in(), block.inner());
      size(channels, block.out(), Math.max(block.inner(), block.out().channels()));
    }
  }

  private void size(String path, Image image, int channels) {
    long size = (long) image.height() * image.width() * channels;
    if (size > MAX_ACTIVATIONS) {
      throw check.error(
          path,
          "%d x %d pixels of %d channels are more than %d numbers; use smaller images"
              .formatted(image.height(), image.width(), channels, MAX_ACTIVATIONS));
    }
  }

  private void padding(ResnetArchitecture a, String at) {
    int layer = 0;
    for (Block block : a.blocks()) {
      layer++;
      if (block.out().channels() < block.in().channels()) {
        throw check.error(
            at + "shortcut",
            "pad cannot go from %d to %d channels at block %d; use projection"
                .formatted(block.in().channels(), block.out().channels(), layer));
      }
    }
  }

  /** A shortcut that is computed needs a map of its own: it is added to what it was made of. */
  private void projections(ResnetArchitecture a, String at) {
    List<Block> blocks = a.blocks();
    int first = 0;
    for (int g = 0; g < a.groups().size(); g++) {
      Block block = blocks.get(first);
      if (block.changes() && block.in().equals(block.out())) {
        throw check.error(
            at + "groups[" + g + "].stride",
            "%d leaves a map of %d x %d pixels as it is, where projection needs another size; use"
                    .formatted(block.stride(), block.in().height(), block.in().width())
                + " stride 1 or larger images");
      }
      first += a.groups().get(g).blocks();
    }
  }

  void images(ImagePreprocessing p, Image image) {
    String at = "$.preprocessing.";
    // Or the crop would be larger than what it is cut from.
    check.range(at + "resize", p.resize(), Math.max(image.height(), image.width()), 2 * MAX_SIDE);
    check.oneOf(at + "resample", p.resample(), Resample.NAMES);
    check.range(at + "mean (length)", p.mean().size(), image.channels(), image.channels());
    check.range(at + "std (length)", p.std().size(), image.channels(), image.channels());
    for (int c = 0; c < image.channels(); c++) {
      mean(check, at + "mean[" + c + "]", p.mean().get(c));
      std(check, at + "std[" + c + "]", p.std().get(c));
    }
  }

  static void mean(FieldCheck check, String at, double mean) {
    if (!(Math.abs(mean) <= MAX_SCALE)) {
      throw check.error(at, mean + " is out of range; use one such as 0.5");
    }
  }

  static void std(FieldCheck check, String at, double std) {
    if (!(std >= 1 / MAX_SCALE && std <= MAX_SCALE)) {
      throw check.error(at, std + " is out of range; use a value above 0, such as 0.25");
    }
  }
}
