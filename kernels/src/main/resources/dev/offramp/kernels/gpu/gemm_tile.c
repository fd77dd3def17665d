/*
 * out = epilogue(W in + bias) at each valid position, by ordinary multiply-adds in float: a group
 * makes a tile of M positions and N outputs. See tile.h.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 * Group (x, y): x along outputs, y along positions. The next tile is on its way from memory while
 * this one is multiplied.
 */
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
  AWAIT_EARLIER();
  LOCAL float4 a[TILE_QUADS(M)];
  LOCAL float4 b[TILE_QUADS(N)];
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
  LONG in_at[LOADS_IN];
  float next_in[LOADS_IN][4];
  float next_weight[LOADS_WEIGHT][4];
  float sum[EACH][EACH];
  UNROLL
  for (int e = 0; e < LOADS_IN; e++) {
    int m = first + (LANE + e * ITEMS) / (DEPTH / 4);
    in_at[e] = (LONG)LIVE_LIST(live, capacity)[m < tokens ? m : first] * inputs;
  }
  TILE_CLEAR(sum)
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
      if (m < tokens && n < outputs) {
        LONG to = (LONG)LIVE_LIST(live, capacity)[m] * outputs;
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
