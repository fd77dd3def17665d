package dev.offramp.kernels.tornado;

import dev.offramp.kernels.tornado.KernelTable.Kernel;
import java.util.Map;

/** The part of {@link KernelTable} that is for images. */
final class ImageKernelTable {
  private ImageKernelTable() {}

  static void addTo(Map<String, Kernel> kernels) {
    images(kernels);
    convolutions(kernels);
  }

  private static void images(Map<String, Kernel> kernels) {
    kernels.put(
        "image_pixels",
        (g, t, v) ->
            g.task(
                t,
                ImageKernels::pixels,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f32()));
    kernels.put(
        "max_pool",
        (g, t, v) ->
            g.task(t, ImageKernels::maxPool, v.context(), v.ints(), v.i32(), v.f32(), v.f32()));
    kernels.put(
        "grid_pool",
        (g, t, v) ->
            g.task(t, ImageKernels::gridPool, v.context(), v.ints(), v.i32(), v.f32(), v.f32()));
    kernels.put(
        "image_shortcut",
        (g, t, v) ->
            g.task(t, ImageKernels::shortcut, v.context(), v.ints(), v.i32(), v.f32(), v.f32()));
    kernels.put(
        "convolution_grouped",
        (g, t, v) ->
            g.task(
                t,
                ImageKernels::convolution,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
  }

  private static void convolutions(Map<String, Kernel> kernels) {
    kernels.put(
        "convolution_vector_8x16",
        (g, t, v) ->
            g.task(
                t,
                VectorConvolutionKernels::convolution,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    kernels.put(
        "convolution_tile_64x16",
        (g, t, v) ->
            g.task(
                t,
                TileConvolutionKernels::convolution64x16,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    kernels.put(
        "convolution_tile_64x32",
        (g, t, v) ->
            g.task(
                t,
                TileConvolutionKernels::convolution64x32,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    kernels.put(
        "convolution_tile_64x64",
        (g, t, v) ->
            g.task(
                t,
                TileConvolutionKernels::convolution64x64,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
    kernels.put(
        "convolution_tile_128x128",
        (g, t, v) ->
            g.task(
                t,
                TileConvolutionKernels::convolution128x128,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32()));
  }
}
