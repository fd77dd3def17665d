package dev.offramp.models;

import java.util.ArrayList;
import java.util.List;

/**
 * Sizes of a residual network (He et al. 2015, arXiv 1512.03385), its batch norms folded into the
 * convolutions. A layer is a block.
 *
 * @param block {@code basic}, two 3x3 convolutions, or {@code bottleneck}, 1x1, 3x3 and 1x1
 * @param groups blocks of the same sizes, in their order
 * @param cardinality parts that a bottleneck's 3x3 convolution is cut into (ResNeXt)
 * @param shortcut what a group's first block does where sizes change: {@code pad} takes every
 *     stride-th pixel and adds channels of 0, {@code projection} is a 1x1 convolution
 */
public record ResnetArchitecture(
    Image image, Stem stem, String block, List<Group> groups, int cardinality, String shortcut)
    implements Architecture {
  public static final String BASIC = "basic";
  public static final String BOTTLENECK = "bottleneck";
  public static final String PAD = "pad";
  public static final String PROJECTION = "projection";

  public ResnetArchitecture {
    groups = List.copyOf(groups);
  }

  /** Size of the pictures; channels is 1 (grey) or 3 (red, green, blue). */
  public record Image(int height, int width, int channels) {}

  /**
   * The first convolution, with ReLU.
   *
   * @param kernel odd; the padding is half of it
   * @param maxPool whether a pooling of 3x3 with stride 2 and padding 1 comes after it
   */
  public record Stem(int channels, int kernel, int stride, boolean maxPool) {}

  /**
   * Blocks of the same sizes.
   *
   * @param channels what a block puts out
   * @param inner channels between a block's convolutions; of a basic block the same
   * @param stride of the first block
   */
  public record Group(int blocks, int channels, int inner, int stride) {}

  /**
   * A block with its sizes worked out.
   *
   * @param in feature map that it reads
   * @param inner channels between its convolutions
   * @param out feature map that it writes
   */
  public record Block(Image in, int inner, int stride, Image out) {
    /** Whether the shortcut is more than the block's input. */
    public boolean changes() {
      return stride != 1 || in.channels != out.channels;
    }
  }

  static ResnetArchitecture of(Json json) {
    json.exactly("image", "stem", "block", "groups", "cardinality", "shortcut");
    Json image = json.field("image").exactly("height", "width", "channels");
    Json stem = json.field("stem").exactly("channels", "kernel", "stride", "maxPool");
    return new ResnetArchitecture(
        new Image(
            image.field("height").smallInteger(),
            image.field("width").smallInteger(),
            image.field("channels").smallInteger()),
        new Stem(
            stem.field("channels").smallInteger(),
            stem.field("kernel").smallInteger(),
            stem.field("stride").smallInteger(),
            stem.field("maxPool").bool()),
        json.field("block").string(),
        json.field("groups").list().stream()
            .map(group -> group.exactly("blocks", "channels", "inner", "stride"))
            .map(group ->
                new Group(
                    group.field("blocks").smallInteger(),
                    group.field("channels").smallInteger(),
                    group.field("inner").smallInteger(),
                    group.field("stride").smallInteger()))
            .toList(),
        json.field("cardinality").smallInteger(),
        json.field("shortcut").string());
  }

  @Override
  public int layers() {
    return groups.stream().mapToInt(Group::blocks).sum();
  }

  @Override
  public int maxPositions() {
    return image.height * image.width;
  }

  @Override
  public int features(int afterLayer, Head head) {
    return head.grid() * head.grid() * blocks().get(afterLayer - 1).out.channels;
  }

  /** What the stem's convolution writes. */
  public Image stemOut() {
    return new Image(
        strided(image.height, stem.stride), strided(image.width, stem.stride), stem.channels);
  }

  /** All blocks, in their order. */
  public List<Block> blocks() {
    Image in = stemOut();
    if (stem.maxPool) {
      in = new Image(strided(in.height, 2), strided(in.width, 2), in.channels);
    }
    List<Block> blocks = new ArrayList<>();
    for (Group group : groups) {
      for (int b = 0; b < group.blocks; b++) {
        int stride = b == 0 ? group.stride : 1;
        Image out =
            new Image(strided(in.height, stride), strided(in.width, stride), group.channels);
        blocks.add(new Block(in, group.inner, stride, out));
        in = out;
      }
    }
    return blocks;
  }

  /** Length of a side after a convolution whose padding is half of its odd kernel. */
  private static int strided(int length, int stride) {
    return (length - 1) / stride + 1;
  }
}
