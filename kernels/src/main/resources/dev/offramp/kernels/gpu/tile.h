/*
 * What gemm_tile.c and convolution_tile.c share. A group makes a tile of M lines and N outputs, in
 * steps of DEPTH inputs; an item makes EACH x EACH of it, in quarters of 4 x 4 that lie apart so that
 * neighbours read neighbouring words.
 */
#define DEPTH 16
#define ACROSS (N / EACH) /* items along outputs */
#define ITEMS (ACROSS * (M / EACH))
#define PARTS (EACH / 4)
#define LOADS_IN (M * DEPTH / 4 / ITEMS)
#define LOADS_WEIGHT (N * DEPTH / 4 / ITEMS)

/*
 * float4 of local memory for a step of so many lines or outputs. Four words of padding: lines of one
 * item's four columns start at different banks.
 */
#define TILE_QUADS(lines) (DEPTH * ((lines) + 4) / 4)

#define TILE_CLEAR(sum)              \
  UNROLL                             \
  for (int i = 0; i < EACH; i++) {   \
    UNROLL                           \
    for (int j = 0; j < EACH; j++) { \
      sum[i][j] = 0.0f;              \
    }                                \
  }

/* What this item has loaded of the next step, four inputs of each of its lines, to words. */
#define TILE_KEEP(words, lines, loads, next)                                               \
  UNROLL                                                                                   \
  for (int e = 0; e < loads; e++) {                                                        \
    int at = 4 * (LANE % (DEPTH / 4)) * (lines + 4) + (LANE + e * ITEMS) / (DEPTH / 4);    \
    UNROLL                                                                                 \
    for (int j = 0; j < 4; j++) {                                                          \
      words[at + j * (lines + 4)] = next[e][j];                                            \
    }                                                                                      \
  }

/* sum += a b, item (x, y) of the tile. */
#define TILE_MULTIPLY(sum, a, b, x, y)                 \
  UNROLL                                               \
  for (int k = 0; k < DEPTH; k++) {                    \
    float4 p[PARTS];                                   \
    float4 q[PARTS];                                   \
    UNROLL                                             \
    for (int i = 0; i < PARTS; i++) {                  \
      p[i] = a[k * (M + 4) / 4 + i * (M / EACH) + y];  \
      q[i] = b[k * (N + 4) / 4 + i * ACROSS + x];      \
    }                                                  \
    UNROLL                                             \
    for (int i = 0; i < PARTS; i++) {                  \
      UNROLL                                           \
      for (int j = 0; j < PARTS; j++) {                \
        PRODUCT(sum, 4 * i + 0, 4 * j, p[i].x, q[j]);  \
        PRODUCT(sum, 4 * i + 1, 4 * j, p[i].y, q[j]);  \
        PRODUCT(sum, 4 * i + 2, 4 * j, p[i].z, q[j]);  \
        PRODUCT(sum, 4 * i + 3, 4 * j, p[i].w, q[j]);  \
      }                                                \
    }                                                  \
  }
