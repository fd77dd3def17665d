/*
 * Convolution of the live rows' images. A work item takes a number of tiles, PIXELS output pixels
 * side by side each, through a panel of PANEL_WIDTH outputs: GROUP along tiles, GROUP_Y along panels.
 * DEPTH inputs of the pixels of a window's line are copied together, zeros for those outside the
 * image, so that all reads of the inner loop have fixed distances. Panels are of one group of the
 * convolution each, the last of a group filled up with zeros.
 *   weight: (groups, panels of a group, channels / groups / DEPTH, side, side, DEPTH, PANEL_WIDTH),
 *   the last DEPTH with as many as there are; bias: (groups, panels of a group, PANEL_WIDTH)
 */
KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void CONVOLUTION(
    const GLOBAL int* RESTRICT live,
    int capacity,
    WINDOW,
    int groups,
    int epilogue,
    const GLOBAL float* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL ACT* residual,
    GLOBAL ACT* out,
    int each) {
  float held[(PIXELS + RUN - 1) * DEPTH] __attribute__((aligned(64)));
  int across = (outWidth + PIXELS - 1) / PIXELS;
  int lines = outPixels / outWidth;
  int tiles = live[LIVE_TOKENS] * lines * across;
  int end = min((GROUP + 1) * each, tiles);
  int inputs = channels / groups; /* of a group */
  int wide = outputs / groups;
  int panels = (wide + PANEL_WIDTH - 1) / PANEL_WIDTH;
  int group = GROUP_Y / panels;
  int first = GROUP_Y % panels * PANEL_WIDTH; /* of the group's outputs */
  int run = stride == 1 ? min(side, RUN) : 1; /* pixels of a window that share a copy */
  int elements = height * width * channels;
  for (int tile = GROUP * each; tile < end; tile++) {
    int line = tile / across;
    int row = LIVE_LIST(live, capacity)[line / lines];
    int oy = line % lines;
    int ox = tile % across * PIXELS;
    const GLOBAL ACT* image = in + (LONG)row * elements;
    const GLOBAL float* w = weight + (LONG)GROUP_Y * PANEL_WIDTH * side * side * inputs;
    float16 sum[PIXELS][WIDE];
    UNROLL
    for (int i = 0; i < PIXELS; i++) {
      UNROLL
      for (int j = 0; j < WIDE; j++) {
        sum[i][j] = vload16(j, bias + GROUP_Y * PANEL_WIDTH);
      }
    }
    for (int c0 = 0; c0 < inputs; c0 += DEPTH) {
      int depth = min(DEPTH, inputs - c0);
      for (int ky = 0; ky < side; ky++) {
        int y = oy * stride - padding + ky;
        if (y < 0 || y >= height) {
          w += side * depth * PANEL_WIDTH;
          continue;
        }
        for (int kx = 0; kx < side; kx += run) {
          int taps = min(run, side - kx);
          int x = ox * stride - padding + kx;
          for (int i = 0; i < PIXELS + taps - 1; i++, x += stride) {
            float16 v = (float16)(0.0f);
            if (x >= 0 && x < width) {
              int at = (y * width + x) * channels + group * inputs + c0;
              v = load16(image + at, min(elements - at, DEPTH)); /* beyond depth nobody looks */
            }
            vstore16(v, i, held);
          }
          for (int t = 0; t < taps; t++) {
            for (int c = 0; c < depth; c++) {
              float16 f[WIDE];
              UNROLL
              for (int j = 0; j < WIDE; j++) {
                f[j] = vload16(j, w);
              }
              UNROLL
              for (int i = 0; i < PIXELS; i++) {
                float16 v = (float16)(held[(t + i) * DEPTH + c]);
                UNROLL
                for (int j = 0; j < WIDE; j++) {
                  sum[i][j] = fma(v, f[j], sum[i][j]);
                }
              }
              w += PANEL_WIDTH;
            }
          }
        }
      }
    }
    LONG to = ((LONG)row * outPixels + oy * outWidth + ox) * outputs + group * wide + first;
    UNROLL
    for (int i = 0; i < PIXELS; i++) {
      if (ox + i < outWidth) {
        UNROLL
        for (int j = 0; j < WIDE; j++) {
          if (first + 16 * j < wide) {
            LONG at = to + (LONG)i * outputs + 16 * j;
            finish16(epilogue, sum[i][j], residual + at, out + at, wide - first - 16 * j);
          }
        }
      }
    }
  }
}
