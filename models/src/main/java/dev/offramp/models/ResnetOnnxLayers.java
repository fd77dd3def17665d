package dev.offramp.models;

import static dev.offramp.models.OnnxType.F32;

import dev.offramp.models.OnnxGraphWriter.Attribute;
import dev.offramp.models.ResnetArchitecture.Block;
import dev.offramp.models.ResnetArchitecture.Image;
import java.util.List;

/**
 * The layers of a residual network (He et al., arXiv 1512.03385) as operations of an ONNX graph,
 * floats [batch, channels, height, width]. Each convolution is followed by what ONNX Runtime joins
 * to it: ReLU, or a sum and ReLU.
 */
final class ResnetOnnxLayers {
  private final OnnxGraphWriter graph;
  private final ModelDirectory model;
  private final ResnetArchitecture architecture;

  ResnetOnnxLayers(OnnxGraphWriter graph, ModelDirectory model) {
    this.graph = graph;
    this.model = model;
    architecture = model.config().resnet();
  }

  /** From the normalized image to what the first block takes. */
  String stem(String x) {
    ResnetArchitecture.Stem stem = architecture.stem();
    String y = relu("stem.relu", convolution(ResnetTensors.STEM, x, stem.stride(), 1));
    return stem.maxPool()
        ? graph.node("MaxPool", "stem.pooled", List.of(y), kernel(3, 3), pads(1), strides(2, 2))
        : y;
  }

  /**
   * @param index of the block, from 0
   * @param output name of its result
   */
  String block(int index, String x, String output) {
    Block block = architecture.blocks().get(index);
    boolean basic = architecture.block().equals(ResnetArchitecture.BASIC);
    int first = basic ? block.stride() : 1;
    int second = basic ? 1 : block.stride();
    String y = convolution(name(index, "conv1"), x, first, 1);
    y = relu(name(index, "relu1"), y);
    y = convolution(name(index, "conv2"), y, second, architecture.cardinality());
    if (!basic) {
      y = relu(name(index, "relu2"), y);
      y = convolution(name(index, "conv3"), y, 1, 1);
    }
    String shortcut = block.changes() ? shortcut(index, block, x) : x;
    return relu(output, graph.node("Add", name(index, "sum"), List.of(y, shortcut)));
  }

  private String shortcut(int index, Block block, String x) {
    String name = name(index, ResnetTensors.SHORTCUT);
    if (architecture.shortcut().equals(ResnetArchitecture.PROJECTION)) {
      return convolution(name, x, block.stride(), 1);
    }
    if (block.stride() > 1) {
      List<String> slice =
          List.of(
              x,
              graph.list(0, 0),
              graph.list(block.in().height(), block.in().width()),
              graph.list(2, 3),
              graph.list(block.stride(), block.stride()));
      x = graph.node("Slice", name + ".pixels", slice);
    }
    long added = block.out().channels() - block.in().channels();
    String pads = graph.list(0, added / 2, 0, 0, 0, added - added / 2, 0, 0);
    return added == 0 ? x : graph.node("Pad", name, List.of(x, pads));
  }

  /**
   * Pools what an exit takes to F32 [batch, channels * grid * grid], channels first.
   *
   * @throws InputException if the cells of the grid are not all alike
   */
  String pooled(int exit, String x) {
    Exit at = model.config().exits().get(exit);
    Image image = architecture.blocks().get(at.afterLayer() - 1).out();
    int grid = at.head().grid();
    String y;
    if (grid == 1) {
      y = graph.node("GlobalAveragePool", "cells", List.of(x));
    } else {
      Cells down = cells(exit, image.height(), grid);
      Cells across = cells(exit, image.width(), grid);
      y =
          graph.node(
              "AveragePool",
              "cells",
              List.of(x),
              kernel(down.length, across.length),
              strides(down.step, across.step));
    }
    String pooled = graph.node("Flatten", "pooled", List.of(y));
    return graph.cast(pooled, graph.floats(), "pooled_f32", F32);
  }

  /** Weight of an exit head for {@link #pooled}, F32. */
  String headWeight(int exit) {
    Exit at = model.config().exits().get(exit);
    int channels = architecture.blocks().get(at.afterLayer() - 1).out().channels();
    Tensor weight = model.tensor(ModelTensors.exitWeight(exit));
    return at.head().grid() == 1
        ? graph.weight(weight, F32)
        : graph.constant(OnnxInitializer.channelsFirst(weight, channels));
  }

  /** Cells of the same length that begin in equal steps. */
  private record Cells(int length, int step) {}

  private Cells cells(int exit, int side, int grid) {
    int length = Math.ceilDiv(side, grid);
    int step = side / grid;
    for (int i = 0; i < grid; i++) {
      int from = i * side / grid;
      if (from != i * step || Math.ceilDiv((i + 1) * side, grid) - from != length) {
        throw InputException.in(
            model.path().resolve(ModelDirectory.CONFIG),
            "$.exits[" + exit + "].head.grid",
            "%d cells along %d pixels are not all alike, which ONNX has no operator for; train the"
                    .formatted(grid, side)
                + " exit with another grid");
      }
    }
    return new Cells(length, step);
  }

  private String convolution(String name, String x, int stride, int groups) {
    Tensor weight = model.tensor(name + ".weight");
    int size = Math.toIntExact(weight.shape().get(2));
    String bias = graph.weight(model.tensor(name + ".bias"));
    return graph.node(
        "Conv",
        name,
        List.of(x, graph.weight(weight), bias),
        kernel(size, size),
        pads(size / 2),
        strides(stride, stride),
        Attribute.of("group", groups));
  }

  private String relu(String output, String x) {
    return graph.node("Relu", output, List.of(x));
  }

  private static Attribute kernel(long height, long width) {
    return Attribute.of("kernel_shape", height, width);
  }

  private static Attribute pads(long each) {
    return Attribute.of("pads", each, each, each, each);
  }

  private static Attribute strides(long down, long across) {
    return Attribute.of("strides", down, across);
  }

  private static String name(int index, String part) {
    return ResnetTensors.block(index, part);
  }
}
