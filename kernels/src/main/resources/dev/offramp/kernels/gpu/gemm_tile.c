/*
 * out = epilogue(W in + bias) at each valid position, by ordinary multiply-adds in float. A group
 * makes a tile of M positions and N outputs, in steps of DEPTH inputs; an item makes EACH x EACH of
 * it, in quarters of 4 x 4 that lie apart so that neighbours read neighbouring words.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 * Group (x, y): x along outputs, y along positions. The next tile is on its way from memory while
 * this one is multiplied.
 */
#define DEPTH 16
#define ACROSS (N / EACH) /* items along outputs */
#define ITEMS (ACROSS * (M / EACH))
#define PARTS (EACH / 4)
#define LOADS_IN (M * DEPTH / 4 / ITEMS)
#define LOADS_WEIGHT (N * DEPTH / 4 / ITEMS)

KERNEL void GEMM(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int inputs,
    int outputs,
    int epilogue,
    const GLOBAL ACT* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL ACT* residual,
    GLOBAL ACT* out) {
  /* Four words of padding: lines of one item's four columns start at different banks. */
  LOCAL float4 a[DEPTH * (M + 4) / 4];
  LOCAL float4 b[DEPTH * (N + 4) / 4];
  LOCALPTR float* a_words = (LOCALPTR float*)a;
  LOCALPTR float* b_words = (LOCALPTR float*)b;
  int tokens = live[LIVE_TOKENS];
  int first = GROUP_Y * M;
  int depth = inputs;
  if (first >= tokens) {
    first = 0; /* nothing to do: see exit_head for why it does not return */
    tokens = 0;
    depth = -DEPTH;
  }
  int column = GROUP * N;
  int x = LANE % ACROSS;
  int y = LANE / ACROSS;
  long in_at[LOADS_IN];
  float next_in[LOADS_IN][4];
  float next_weight[LOADS_WEIGHT][4];
  float sum[EACH][EACH];
  UNROLL
  for (int e = 0; e < LOADS_IN; e++) {
    int m = first + (LANE + e * ITEMS) / (DEPTH / 4);
    in_at[e] = (long)LIVE_LIST(live, capacity)[m < tokens ? m : first] * inputs;
  }
  UNROLL
  for (int i = 0; i < EACH; i++) {
    UNROLL
    for (int j = 0; j < EACH; j++) {
      sum[i][j] = 0.0f;
    }
  }
  for (int k0 = -DEPTH; k0 < depth; k0 += DEPTH) {
    if (k0 + DEPTH < inputs) {
      int k = k0 + DEPTH + 4 * (LANE % (DEPTH / 4));
      UNROLL
      for (int e = 0; e < LOADS_IN; e++) {
        load4_upto(in + in_at[e], k, inputs, next_in[e]);
      }
      UNROLL
      for (int e = 0; e < LOADS_WEIGHT; e++) {
        int n = column + (LANE + e * ITEMS) / (DEPTH / 4);
        load4_upto(weight + (long)(n < outputs ? n : 0) * inputs, k, inputs, next_weight[e]);
      }
    }
    if (k0 >= 0) {
      UNROLL
      for (int k = 0; k < DEPTH; k++) {
        float4 p[PARTS];
        float4 q[PARTS];
        UNROLL
        for (int i = 0; i < PARTS; i++) {
          p[i] = a[k * (M + 4) / 4 + i * (M / EACH) + y];
          q[i] = b[k * (N + 4) / 4 + i * ACROSS + x];
        }
        UNROLL
        for (int i = 0; i < PARTS; i++) {
          UNROLL
          for (int j = 0; j < PARTS; j++) {
            PRODUCT(sum, 4 * i + 0, 4 * j, p[i].x, q[j]);
            PRODUCT(sum, 4 * i + 1, 4 * j, p[i].y, q[j]);
            PRODUCT(sum, 4 * i + 2, 4 * j, p[i].z, q[j]);
            PRODUCT(sum, 4 * i + 3, 4 * j, p[i].w, q[j]);
          }
        }
      }
    }
    BARRIER();
    if (k0 + DEPTH < inputs) {
      UNROLL
      for (int e = 0; e < LOADS_IN; e++) {
        int at = 4 * (LANE % (DEPTH / 4)) * (M + 4) + (LANE + e * ITEMS) / (DEPTH / 4);
        UNROLL
        for (int j = 0; j < 4; j++) {
          a_words[at + j * (M + 4)] = next_in[e][j];
        }
      }
      UNROLL
      for (int e = 0; e < LOADS_WEIGHT; e++) {
        int at = 4 * (LANE % (DEPTH / 4)) * (N + 4) + (LANE + e * ITEMS) / (DEPTH / 4);
        UNROLL
        for (int j = 0; j < 4; j++) {
          b_words[at + j * (N + 4)] = next_weight[e][j];
        }
      }
    }
    BARRIER();
  }
  UNROLL
  for (int part = 0; part < PARTS; part++) {
    int n = column + part * (4 * ACROSS) + 4 * x;
    float add[4];
    load4_f32_upto(bias, n, outputs, add);
    UNROLL
    for (int i = 0; i < EACH; i++) {
      int m = first + (i / 4) * (4 * M / EACH) + 4 * y + i % 4;
      if (m < tokens && n < outputs) {
        long to = (long)LIVE_LIST(live, capacity)[m] * outputs;
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
#undef DEPTH
#undef ACROSS
#undef ITEMS
#undef PARTS
#undef LOADS_IN
#undef LOADS_WEIGHT
