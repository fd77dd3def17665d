package dev.offramp.kernels.gpu;

import dev.offramp.kernels.ConvolutionShape;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.ImageShape;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@link Launches} of operations on images: a live row is an image. */
final class ImageLaunches {
  /** Items of a group of image.c. */
  private static final int ITEMS = 64;

  private final Driver driver;
  private ConvolutionKernel forced; // null where the shape says which

  ImageLaunches(Driver driver) {
    this.driver = driver;
  }

  /** Has that kernel make all convolutions, which must be without groups, until null is given. */
  void force(ConvolutionKernel kernel) {
    forced = kernel;
  }

  /** A grid for that many items of each image that may be live; see image_item. */
  private static Grid items(Bounds bounds, long each) {
    return Grid.of(bounds.tokens() * Math.ceilDiv(each, ITEMS), ITEMS);
  }

  private static long quads(ImageShape image) {
    return (long) image.pixels() * Math.ceilDiv(image.channels(), 4);
  }

  /** The macro WINDOW of image.c. */
  private static List<Object> window(ConvolutionShape shape) {
    ImageShape in = shape.in();
    ImageShape out = shape.out();
    return List.of(
        in.height(),
        in.width(),
        in.channels(),
        out.pixels(),
        out.width(),
        out.channels(),
        shape.kernel(),
        shape.stride(),
        shape.padding());
  }

  void pixels(
      Bounds bounds,
      GpuRows rows,
      ImageShape image,
      Memory scale,
      Memory shift,
      Memory in,
      Memory out) {
    driver.launch(
        "image_pixels",
        items(bounds, image.pixels()),
        rows.table(),
        rows.capacity(),
        image.pixels(),
        image.channels(),
        scale,
        shift,
        in,
        out);
  }

  void convolve(
      Bounds bounds,
      GpuRows rows,
      GpuConvolution map,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out) {
    ConvolutionShape shape = map.shape();
    List<Object> arguments = new ArrayList<>(List.of(rows.table(), rows.capacity()));
    arguments.addAll(window(shape));
    int units = driver.info().computeUnits();
    ConvolutionKernel kernel =
        forced == null
            ? ConvolutionKernel.of(driver.traits(), units, bounds.tokens(), shape)
            : forced;
    boolean tile = kernel != null && kernel.kind() == ConvolutionKernel.Kind.TILE;
    if (!tile) {
      arguments.add(shape.groups());
    }
    arguments.addAll(
        Arrays.asList(epilogue.ordinal(), map.weight(), map.bias(), in, residual, out));
    if (kernel == null) {
      launch("convolution_grouped", items(bounds, quads(shape.out())), arguments);
      return;
    }
    if (!tile) {
      arguments.add(kernel.tilesEach(units, bounds.tokens(), shape));
    }
    launch(kernel.name(), kernel.grid(units, bounds.tokens(), shape), arguments);
  }

  void maxPool(Bounds bounds, GpuRows rows, ConvolutionShape window, Memory in, Memory out) {
    List<Object> arguments = new ArrayList<>(List.of(rows.table(), rows.capacity()));
    arguments.addAll(window(window));
    arguments.addAll(List.of(in, out));
    launch("max_pool", items(bounds, quads(window.out())), arguments);
  }

  private void launch(String kernel, Grid grid, List<Object> arguments) {
    driver.launch(kernel, grid, arguments.toArray());
  }

  void gridPool(Bounds bounds, GpuRows rows, ImageShape image, int grid, Memory in, Memory out) {
    driver.launch(
        "grid_pool",
        items(bounds, (long) grid * grid * Math.ceilDiv(image.channels(), 4)),
        rows.table(),
        rows.capacity(),
        image.height(),
        image.width(),
        image.channels(),
        grid,
        in,
        out);
  }

  /**
   * @param result what it writes
   */
  void shortcut(
      Bounds bounds,
      GpuRows rows,
      ImageShape image,
      int stride,
      ImageShape result,
      Memory in,
      Memory out) {
    driver.launch(
        "image_shortcut",
        items(bounds, quads(result)),
        rows.table(),
        rows.capacity(),
        image.height(),
        image.width(),
        image.channels(),
        result.pixels(),
        result.width(),
        result.channels(),
        stride,
        in,
        out);
  }
}
