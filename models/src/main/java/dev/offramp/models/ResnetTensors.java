package dev.offramp.models;

import dev.offramp.models.ResnetArchitecture.Block;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Names and shapes of a residual network's tensors; batch norms are folded into them. */
final class ResnetTensors {
  static final String STEM = "stem";
  static final String SHORTCUT = "shortcut";

  private ResnetTensors() {}

  /** A part of a block: {@code conv1}, {@code conv2}, {@code conv3} or {@code shortcut}. */
  static String block(int block, String part) {
    return "blocks." + block + "." + part;
  }

  /**
   * A convolution.
   *
   * @param in channels of its input, over all groups
   * @param groups parts that channels are cut into
   */
  record Convolution(String name, int in, int out, int kernel, int groups) {
    /** Shape of the weight, [out, in / groups, kernel, kernel]. */
    List<Long> shape() {
      return List.of((long) out, (long) in / groups, (long) kernel, (long) kernel);
    }
  }

  /** All convolutions in the order of the network. */
  static List<Convolution> convolutions(ResnetArchitecture a) {
    List<Convolution> list = new ArrayList<>();
    list.add(
        new Convolution(STEM, a.image().channels(), a.stem().channels(), a.stem().kernel(), 1));
    List<Block> blocks = a.blocks();
    for (int i = 0; i < blocks.size(); i++) {
      Block block = blocks.get(i);
      int in = block.in().channels();
      int inner = block.inner();
      int out = block.out().channels();
      if (a.block().equals(ResnetArchitecture.BASIC)) {
        list.add(new Convolution(block(i, "conv1"), in, inner, 3, 1));
        list.add(new Convolution(block(i, "conv2"), inner, out, 3, 1));
      } else {
        list.add(new Convolution(block(i, "conv1"), in, inner, 1, 1));
        list.add(new Convolution(block(i, "conv2"), inner, inner, 3, a.cardinality()));
        list.add(new Convolution(block(i, "conv3"), inner, out, 1, 1));
      }
      if (block.changes() && a.shortcut().equals(ResnetArchitecture.PROJECTION)) {
        list.add(new Convolution(block(i, SHORTCUT), in, out, 1, 1));
      }
    }
    return list;
  }

  /** Shapes of all tensors but the exit heads'. */
  static SequencedMap<String, List<Long>> backbone(ResnetArchitecture a) {
    SequencedMap<String, List<Long>> shapes = new LinkedHashMap<>();
    for (Convolution convolution : convolutions(a)) {
      shapes.put(convolution.name() + ".weight", convolution.shape());
      shapes.put(convolution.name() + ".bias", List.of((long) convolution.out()));
    }
    return shapes;
  }
}
