package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Convolution;
import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Pooling;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The blocks of a residual network on a device (He et al. 2015, arXiv 1512.03385). A row is one
 * position that holds a whole feature map. Maps of each size have a buffer of their own: rows at
 * different depths may wait in the same store, and a row's place depends on the map's size.
 */
final class Resnet implements Layers {
  /** Buffers of {@link Activations} that hold nothing from one layer to the next. */
  private static final int INNER = 0;

  private static final int SECOND = 1;
  private static final int POOLED = 2;
  private static final int MAPS = 3;

  private final Scope owned = new Scope();
  private final Device device;
  private final ResnetArchitecture architecture;
  private final ImageShape image;
  private final Buffer scale; // F32 (channels)
  private final Buffer shift; // F32 (channels)
  private final Convolution stem;
  private final List<Block> blocks = new ArrayList<>();
  private final List<ImageShape> maps = new ArrayList<>(); // in the order of their buffers
  private long inner;
  private long second;
  private long pooled;

  /**
   * @param convolutions of the block's own path, in their order
   * @param projection of the shortcut, or null
   * @param stride of the block
   * @param in map that it reads
   * @param out map that it writes; the same where sizes stay
   */
  private record Block(
      List<Convolution> convolutions,
      Convolution projection,
      int stride,
      ImageShape in,
      ImageShape out) {}

  Resnet(Device device, ModelDirectory model, List<Exit> exits) {
    this.device = device;
    ModelConfig config = model.config();
    architecture = config.resnet();
    image = shape(architecture.image());
    try (var failed = new Scope()) {
      failed.add(owned);
      ImagePreprocessing input = (ImagePreprocessing) config.preprocessing();
      float[] scales = new float[image.channels()];
      float[] shifts = new float[image.channels()];
      for (int c = 0; c < scales.length; c++) {
        scales[c] = (float) (1 / (255 * input.std().get(c)));
        shifts[c] = (float) (-input.mean().get(c) / input.std().get(c));
      }
      scale = owned.add(Weights.buffer(device, MemorySegment.ofArray(scales)));
      shift = owned.add(Weights.buffer(device, MemorySegment.ofArray(shifts)));
      ResnetArchitecture.Stem first = architecture.stem();
      stem =
          convolution(
              model,
              "stem",
              ConvolutionShape.same(image, first.channels(), first.kernel(), first.stride()));
      inner = image.elements();
      second = first.maxPool() ? stem.shape().out().elements() : 0;
      for (ResnetArchitecture.Block block : architecture.blocks()) {
        add(model, block);
      }
      // Of a model without exits, too, the mean over the image can be had.
      pooled = architecture.blocks().getLast().out().channels();
      for (Exit exit : exits) {
        pooled = Math.max(pooled, architecture.features(exit.afterLayer(), exit.head()));
      }
      failed.release();
    }
  }

  private static ImageShape shape(ResnetArchitecture.Image size) {
    return new ImageShape(size.height(), size.width(), size.channels());
  }

  private void add(ModelDirectory model, ResnetArchitecture.Block block) {
    String name = "blocks." + blocks.size() + ".";
    ImageShape in = shape(block.in());
    ImageShape out = shape(block.out());
    int channels = out.channels();
    List<Convolution> path = new ArrayList<>();
    if (architecture.block().equals(ResnetArchitecture.BASIC)) {
      path.add(
          convolution(
              model, name + "conv1", ConvolutionShape.same(in, block.inner(), 3, block.stride())));
      ImageShape middle = path.getFirst().shape().out();
      path.add(convolution(model, name + "conv2", ConvolutionShape.same(middle, channels, 3, 1)));
      inner = Math.max(inner, middle.elements());
    } else {
      path.add(convolution(model, name + "conv1", ConvolutionShape.same(in, block.inner(), 1, 1)));
      ImageShape narrow = path.getFirst().shape().out();
      path.add(
          convolution(
              model,
              name + "conv2",
              new ConvolutionShape(
                  narrow, block.inner(), 3, block.stride(), 1, architecture.cardinality())));
      ImageShape middle = path.getLast().shape().out();
      path.add(convolution(model, name + "conv3", ConvolutionShape.same(middle, channels, 1, 1)));
      inner = Math.max(inner, narrow.elements());
      second = Math.max(second, middle.elements());
    }
    boolean pads = architecture.shortcut().equals(ResnetArchitecture.PAD);
    Convolution projection =
        block.changes() && !pads
            ? convolution(
                model,
                name + "shortcut",
                new ConvolutionShape(in, channels, 1, block.stride(), 0, 1))
            : null;
    for (ImageShape map : List.of(in, out)) {
      if (!maps.contains(map)) {
        maps.add(map);
      }
    }
    blocks.add(new Block(path, projection, block.stride(), in, out));
  }

  private Convolution convolution(ModelDirectory model, String name, ConvolutionShape shape) {
    try (Arena arena = Arena.ofConfined()) {
      return owned.add(
          device.convolution(
              shape,
              model.tensor(name + ".weight").toF32(arena),
              DataType.F32,
              model.tensor(name + ".bias").toF32(arena)));
    }
  }

  @Override
  public int shortestRow(int longest) {
    return longest;
  }

  @Override
  public int positions(int rowLength) {
    return 1;
  }

  @Override
  public Activations allocate(int capacity, int positions) {
    long[] widths = new long[MAPS + maps.size()];
    widths[INNER] = inner;
    widths[SECOND] = second;
    widths[POOLED] = pooled;
    for (int m = 0; m < maps.size(); m++) {
      widths[MAPS + m] = maps.get(m).elements();
    }
    return Activations.allocate(device, capacity, widths);
  }

  private Buffer map(ImageShape shape, Activations x) {
    return x.at(MAPS + maps.indexOf(shape));
  }

  @Override
  public void embed(LiveRows rows, Buffer pixels, Activations x) {
    device.pixels(rows, image, scale, shift, pixels, x.at(INNER));
    Buffer first = map(blocks.getFirst().in, x);
    if (architecture.stem().maxPool()) {
      ImageShape out = stem.shape().out();
      device.convolve(rows, stem, x.at(INNER), Epilogue.BIAS_RELU, null, x.at(SECOND));
      device.maxPool(
          rows,
          new ConvolutionShape(out, out.channels(), 3, 2, 1, out.channels()),
          x.at(SECOND),
          first);
    } else {
      device.convolve(rows, stem, x.at(INNER), Epilogue.BIAS_RELU, null, first);
    }
  }

  /** One block: relu(convolutions(x) + shortcut(x)). */
  @Override
  public void layer(int index, LiveRows rows, Activations x) {
    Block block = blocks.get(index);
    Buffer in = map(block.in, x);
    Buffer out = map(block.out, x);
    if (block.projection != null) {
      device.convolve(rows, block.projection, in, Epilogue.BIAS, null, out);
    } else if (in != out) {
      device.shortcut(rows, block.in, block.stride, block.out.channels(), in, out);
    }
    Buffer from = in;
    for (int c = 0; c < block.convolutions.size() - 1; c++) {
      Buffer to = x.at(c == 0 ? INNER : SECOND);
      device.convolve(rows, block.convolutions.get(c), from, Epilogue.BIAS_RELU, null, to);
      from = to;
    }
    // What the shortcut left in out, or out as it was, is added in place.
    device.convolve(
        rows, block.convolutions.getLast(), from, Epilogue.BIAS_RESIDUAL_RELU, out, out);
  }

  @Override
  public View view(int afterLayer, Head head, LiveRows rows, Activations x) {
    ImageShape map = blocks.get(afterLayer - 1).out;
    device.gridPool(rows, map, head.grid(), map(map, x), x.at(POOLED));
    int features = head.grid() * head.grid() * map.channels();
    return new View(x.at(POOLED), Pooling.FIRST, features);
  }

  @Override
  public void close() {
    owned.close();
  }
}
