/*
 * Operations on images, [height, width, channels], one to a live row of one position. Items take
 * four channels each, neighbours neighbouring ones, and groups a part of an image each.
 */

/* What a square window over an image is; outPixels and outWidth are those of the result. */
#define WINDOW                                                                              \
  int height, int width, int channels, int outPixels, int outWidth, int outputs, int side, \
      int stride, int padding

/* This item's number in an image of so many items, or -1 if there is none; *row is its row. */
DEVFN int image_item(const GLOBAL int* live, int capacity, int items, LONG* row) {
  int groups = (items + LANES - 1) / LANES; /* of an image */
  int i = GROUP / groups;
  int item = GROUP % groups * LANES + LANE;
  if (i >= live[LIVE_TOKENS] || item >= items) {
    return -1;
  }
  *row = LIVE_LIST(live, capacity)[i];
  return item;
}

/*
 * Four inputs from channel c of pixel (ky, kx) on, in the order (side, side, channels), of a window
 * that starts at (y, x) of the image. Zero outside the image and beyond the window.
 */
DEVFN void window4(
    const GLOBAL ACT* image,
    int height,
    int width,
    int channels,
    int side,
    int y,
    int x,
    int ky,
    int kx,
    int c,
    float* v) {
  if (channels % 4 == 0) { /* all of one pixel */
    int inside = ky < side && y + ky >= 0 && y + ky < height && x + kx >= 0 && x + kx < width;
    if (inside) {
      load4(image + ((LONG)(y + ky) * width + x + kx) * channels, c, channels, v);
    } else {
      v[0] = v[1] = v[2] = v[3] = 0.0f;
    }
    return;
  }
  UNROLL
  for (int k = 0; k < 4; k++) {
    int inside = ky < side && y + ky >= 0 && y + ky < height && x + kx >= 0 && x + kx < width;
    v[k] = inside ? LOAD(image, ((LONG)(y + ky) * width + x + kx) * channels + c) : 0.0f;
    if (++c == channels) {
      c = 0;
      if (++kx == side) {
        kx = 0;
        ky++;
      }
    }
  }
}

/* Bytes of a number are the channels of a pixel; an item takes a pixel. */
KERNEL void image_pixels(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int pixels,
    int channels,
    const GLOBAL float* RESTRICT scale,
    const GLOBAL float* RESTRICT shift,
    const GLOBAL int* RESTRICT in,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  LONG row;
  int item = image_item(live, capacity, pixels, &row);
  if (item >= 0) {
    LONG at = row * pixels + item;
    int pixel = in[at];
    for (int c = 0; c < channels; c++) {
      float byte = (float)(pixel >> (8 * c) & 255);
      STORE(out, at * channels + c, FMA(byte, scale[c], shift[c]));
    }
  }
}

/* A NaN in the window stays. */
KERNEL void max_pool(
    const GLOBAL int* RESTRICT live,
    int capacity,
    WINDOW,
    const GLOBAL ACT* RESTRICT in,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  int quads = (channels + 3) / 4;
  LONG row;
  int item = image_item(live, capacity, outPixels * quads, &row);
  if (item < 0) {
    return;
  }
  int pixel = item / quads;
  int j = item % quads * 4;
  int y0 = pixel / outWidth * stride - padding;
  int x0 = pixel % outWidth * stride - padding;
  float most[4] = {-INF_F, -INF_F, -INF_F, -INF_F};
  for (int y = y0 < 0 ? 0 : y0; y < y0 + side && y < height; y++) {
    for (int x = x0 < 0 ? 0 : x0; x < x0 + side && x < width; x++) {
      float v[4];
      load4(in + ((row * height + y) * width + x) * channels, j, channels, v);
      UNROLL
      for (int k = 0; k < 4; k++) {
        most[k] = larger(most[k], v[k]);
      }
    }
  }
  store4(out + (row * outPixels + pixel) * channels, j, channels, most);
}

/* Cell i of g covers the lines from floor(i height / g) to, exclusive, ceil((i + 1) height / g). */
KERNEL void grid_pool(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int height,
    int width,
    int channels,
    int grid,
    const GLOBAL ACT* RESTRICT in,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  int quads = (channels + 3) / 4;
  LONG row;
  int item = image_item(live, capacity, grid * grid * quads, &row);
  if (item < 0) {
    return;
  }
  int cell = item / quads;
  int j = item % quads * 4;
  int cy = cell / grid;
  int cx = cell % grid;
  int y0 = (int)((LONG)cy * height / grid);
  int y1 = (int)(((LONG)(cy + 1) * height + grid - 1) / grid);
  int x0 = (int)((LONG)cx * width / grid);
  int x1 = (int)(((LONG)(cx + 1) * width + grid - 1) / grid);
  float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (int y = y0; y < y1; y++) {
    for (int x = x0; x < x1; x++) {
      float v[4];
      load4(in + ((row * height + y) * width + x) * channels, j, channels, v);
      UNROLL
      for (int k = 0; k < 4; k++) {
        sum[k] += v[k];
      }
    }
  }
  UNROLL
  for (int k = 0; k < 4; k++) {
    sum[k] /= (float)((y1 - y0) * (x1 - x0));
  }
  store4(out + (row * grid * grid + cell) * channels, j, channels, sum);
}

/* Every stride-th pixel, its channels in the middle of as many outputs, zeros around them. */
KERNEL void image_shortcut(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int height,
    int width,
    int channels,
    int outPixels,
    int outWidth,
    int outputs,
    int stride,
    const GLOBAL ACT* RESTRICT in,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  int quads = (outputs + 3) / 4;
  LONG row;
  int item = image_item(live, capacity, outPixels * quads, &row);
  if (item < 0) {
    return;
  }
  int pixel = item / quads;
  int j = item % quads * 4;
  int y = pixel / outWidth * stride;
  int x = pixel % outWidth * stride;
  const GLOBAL ACT* from = in + ((row * height + y) * width + x) * channels;
  int first = j - (outputs - channels) / 2;
  float v[4];
  UNROLL
  for (int k = 0; k < 4; k++) {
    int c = first + k;
    v[k] = c >= 0 && c < channels ? LOAD(from, c) : 0.0f;
  }
  store4(out + (row * outPixels + pixel) * outputs, j, outputs, v);
}

/*
 * Convolution in groups, one after the other: an item makes four outputs of a pixel.
 *   weight: (side, side, channels / groups, outputs)
 */
KERNEL void convolution_grouped(
    const GLOBAL int* RESTRICT live,
    int capacity,
    WINDOW,
    int groups,
    int epilogue,
    const GLOBAL ACT* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL ACT* residual,
    GLOBAL ACT* out) {
  AWAIT_EARLIER();
  int quads = (outputs + 3) / 4;
  LONG row;
  int item = image_item(live, capacity, outPixels * quads, &row);
  if (item < 0) {
    return;
  }
  int pixel = item / quads;
  int j = item % quads * 4;
  int y0 = pixel / outWidth * stride - padding;
  int x0 = pixel % outWidth * stride - padding;
  int inputs = channels / groups; /* that an output sees */
  int depthwise = inputs == 1 && outputs == groups;
  int first[4]; /* of them, for each output */
  float sum[4];
  UNROLL
  for (int k = 0; k < 4; k++) {
    first[k] = j + k < outputs ? (j + k) / (outputs / groups) * inputs : 0;
    sum[k] = 0.0f;
  }
  for (int ky = 0; ky < side; ky++) {
    int y = y0 + ky;
    for (int kx = 0; kx < side && y >= 0 && y < height; kx++) {
      int x = x0 + kx;
      if (x >= 0 && x < width) {
        const GLOBAL ACT* from = in + ((row * height + y) * width + x) * channels;
        const GLOBAL ACT* w = weight + (LONG)(ky * side + kx) * inputs * outputs;
        for (int c = 0; c < inputs; c++) {
          float v[4];
          float f[4];
          load4(w + (LONG)c * outputs, j, outputs, f);
          if (depthwise) {
            load4(from, j, outputs, v);
          } else {
            UNROLL
            for (int k = 0; k < 4; k++) {
              v[k] = LOAD(from, first[k] + c);
            }
          }
          UNROLL
          for (int k = 0; k < 4; k++) {
            sum[k] = FMA(v[k], f[k], sum[k]);
          }
        }
      }
    }
  }
  float add[4];
  load4_f32(bias, j, outputs, add);
  UNROLL
  for (int k = 0; k < 4; k++) {
    sum[k] += add[k];
  }
  LONG to = (row * outPixels + pixel) * outputs;
  finish4(epilogue, sum, residual + to, out + to, j, outputs);
}
