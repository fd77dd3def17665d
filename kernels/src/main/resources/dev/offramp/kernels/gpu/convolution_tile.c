/*
 * Convolution of the live rows' images without groups, as gemm_tile.c makes a product: the inputs of
 * an output pixel are the channels of side * side pixels, and those outside the image are zero. A
 * group makes M output pixels, counted through all images, and N outputs of them.
 *   weight: (outputs, side, side, channels), in: (.., height, width, channels),
 *   residual and out: (.., outPixels, outputs)
 * Groups that share pixels are neighbours. Sums add up in one order whatever the tile. Tensor cores
 * take no part.
 */
KERNEL void CONVOLUTION(
    const GLOBAL int* RESTRICT live,
    int capacity,
    WINDOW,
    int epilogue,
    const GLOBAL ACT* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL ACT* residual,
    GLOBAL ACT* out) {
  AWAIT_EARLIER();
  LOCAL float4 a[TILE_QUADS(M)];
  LOCAL float4 b[TILE_QUADS(N)];
  LOCALPTR float* a_words = (LOCALPTR float*)a;
  LOCALPTR float* b_words = (LOCALPTR float*)b;
  int pixels = live[LIVE_TOKENS] * outPixels;
  int across = (outputs + N - 1) / N;
  int first = GROUP / across * M;
  int column = GROUP % across * N;
  int inputs = side * side * channels;
  int depth = inputs;
  if (first >= pixels) {
    first = 0; /* nothing to do: see exit_head for why it does not return */
    pixels = 0;
    depth = -DEPTH;
  }
  int x = LANE % ACROSS;
  int y = LANE / ACROSS;
  LONG in_at[LOADS_IN]; /* of the image */
  int in_y[LOADS_IN];   /* where the window starts */
  int in_x[LOADS_IN];
  float next_in[LOADS_IN][4];
  float next_weight[LOADS_WEIGHT][4];
  float sum[EACH][EACH];
  UNROLL
  for (int e = 0; e < LOADS_IN; e++) {
    int m = first + (LANE + e * ITEMS) / (DEPTH / 4);
    m = m < pixels ? m : first;
    int i = m / outPixels;
    int pixel = m - i * outPixels;
    int line = pixel / outWidth;
    in_at[e] = (LONG)LIVE_LIST(live, capacity)[i] * height * width * channels;
    in_y[e] = line * stride - padding;
    in_x[e] = (pixel - line * outWidth) * stride - padding;
  }
  TILE_CLEAR(sum)
  /* The next four inputs to load: their pixel of the window and the first one's channel. */
  int ky = 0;
  int kx = 0;
  int c = 4 * (LANE % (DEPTH / 4));
  for (int k0 = -DEPTH; k0 < depth; k0 += DEPTH) {
    if (k0 + DEPTH < inputs) {
      while (c >= channels) {
        c -= channels;
        if (++kx == side) {
          kx = 0;
          ky++;
        }
      }
      UNROLL
      for (int e = 0; e < LOADS_IN; e++) {
        window4(
            in + in_at[e], height, width, channels, side, in_y[e], in_x[e], ky, kx, c, next_in[e]);
      }
      c += DEPTH;
      int k = k0 + DEPTH + 4 * (LANE % (DEPTH / 4));
      UNROLL
      for (int e = 0; e < LOADS_WEIGHT; e++) {
        int n = column + (LANE + e * ITEMS) / (DEPTH / 4);
        load4_upto(weight + (LONG)(n < outputs ? n : 0) * inputs, k, inputs, next_weight[e]);
      }
    }
    if (k0 >= 0) {
      TILE_MULTIPLY(sum, a, b, x, y)
    }
    BARRIER();
    if (k0 + DEPTH < inputs) {
      TILE_KEEP(a_words, M, LOADS_IN, next_in)
      TILE_KEEP(b_words, N, LOADS_WEIGHT, next_weight)
    }
    BARRIER();
  }
  UNROLL
  for (int part = 0; part < PARTS; part++) {
    int n = column + part * (4 * ACROSS) + 4 * x;
    float add[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (n < outputs) {
      load4_f32(bias, n, outputs, add);
    }
    UNROLL
    for (int i = 0; i < EACH; i++) {
      int m = first + (i / 4) * (4 * M / EACH) + 4 * y + i % 4;
      if (m < pixels && n < outputs) {
        int image = m / outPixels;
        int pixel = m - image * outPixels;
        LONG to = ((LONG)LIVE_LIST(live, capacity)[image] * outPixels + pixel) * outputs;
        float v[4];
        UNROLL
        for (int k = 0; k < 4; k++) {
          v[k] = sum[i][4 * part + k] + add[k];
        }
        finish4(epilogue, v, residual + to, out + to, n, outputs);
      }
    }
  }
}
