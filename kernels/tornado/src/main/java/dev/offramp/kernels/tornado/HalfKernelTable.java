package dev.offramp.kernels.tornado;

import dev.offramp.kernels.tornado.KernelTable.Kernel;
import java.util.HashMap;
import java.util.Map;

/** Those kernels of {@link KernelTable} that read or write activations, for F16. */
final class HalfKernelTable {
  static final Map<String, Kernel> KERNELS = new HashMap<>();

  static {
    layers();
    exits();
    products();
    images();
    convolutions();
  }

  private HalfKernelTable() {}

  private static void layers() {
    KERNELS.put(
        "layer_norm",
        (g, t, v) ->
            g.task(
                t,
                HalfLayerKernels::layerNorm,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "embed",
        (g, t, v) ->
            g.task(
                t,
                HalfLayerKernels::embed,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f16()));
    KERNELS.put(
        "attention_32",
        (g, t, v) ->
            g.task(
                t,
                HalfAttentionKernels::attention32,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "attention_64",
        (g, t, v) ->
            g.task(
                t,
                HalfAttentionKernels::attention64,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "attention_128",
        (g, t, v) ->
            g.task(
                t,
                HalfAttentionKernels::attention128,
                v.context(),
                v.ints(),
                v.floats(),
                v.i32(),
                v.f16(),
                v.f16()));
  }

  private static void exits() {
    KERNELS.put(
        "pool",
        (g, t, v) ->
            g.task(t, HalfExitKernels::pool, v.context(), v.ints(), v.i32(), v.f16(), v.f32()));
    KERNELS.put(
        "exit_head",
        (g, t, v) ->
            g.task(
                t,
                HalfExitKernels::exitHead,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f32()));
  }

  private static void products() {
    KERNELS.put(
        "gemm_tile_32x32",
        (g, t, v) ->
            g.task(
                t,
                HalfTileGemmKernels::gemm32,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "gemm_tile_64x64",
        (g, t, v) ->
            g.task(
                t,
                HalfTileGemmKernels::gemm64,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "gemm_tile_128x128",
        (g, t, v) ->
            g.task(
                t,
                HalfTileGemmKernels::gemm128,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
  }

  private static void images() {
    KERNELS.put(
        "image_pixels",
        (g, t, v) ->
            g.task(
                t,
                HalfImageKernels::pixels,
                v.context(),
                v.ints(),
                v.i32(),
                v.f32(),
                v.f32(),
                v.i32(),
                v.f16()));
    KERNELS.put(
        "max_pool",
        (g, t, v) ->
            g.task(t, HalfImageKernels::maxPool, v.context(), v.ints(), v.i32(), v.f16(), v.f16()));
    KERNELS.put(
        "grid_pool",
        (g, t, v) ->
            g.task(
                t, HalfImageKernels::gridPool, v.context(), v.ints(), v.i32(), v.f16(), v.f16()));
    KERNELS.put(
        "image_shortcut",
        (g, t, v) ->
            g.task(
                t, HalfImageKernels::shortcut, v.context(), v.ints(), v.i32(), v.f16(), v.f16()));
    KERNELS.put(
        "convolution_grouped",
        (g, t, v) ->
            g.task(
                t,
                HalfImageKernels::convolution,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
  }

  private static void convolutions() {
    KERNELS.put(
        "convolution_tile_64x16",
        (g, t, v) ->
            g.task(
                t,
                HalfTileConvolutionKernels::convolution64x16,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "convolution_tile_64x32",
        (g, t, v) ->
            g.task(
                t,
                HalfTileConvolutionKernels::convolution64x32,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "convolution_tile_64x64",
        (g, t, v) ->
            g.task(
                t,
                HalfTileConvolutionKernels::convolution64x64,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
    KERNELS.put(
        "convolution_tile_128x128",
        (g, t, v) ->
            g.task(
                t,
                HalfTileConvolutionKernels::convolution128x128,
                v.context(),
                v.ints(),
                v.i32(),
                v.f16(),
                v.f32(),
                v.f16(),
                v.f16(),
                v.f16()));
  }
}
