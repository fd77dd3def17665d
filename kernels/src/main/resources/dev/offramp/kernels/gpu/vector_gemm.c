/*
 * out = epilogue(W in + bias) at each valid position. A work item takes ROWS positions through
 * STRIDE panels of weights: GROUP along panels, GROUP_Y along positions. Their inputs are first
 * copied together so that the inner loop reads one stream; beyond PACKED inputs this is done anew
 * for every panel.
 */
#define PACKED 2048

/* Inputs from k0 on, depth of them, of ROWS positions: packed is (depth, ROWS). */
DEVFN void PACK(
    const GLOBAL int* list, int count, int inputs, const GLOBAL ACT* in, int k0, int depth,
    float* packed) {
  for (int i = 0; i < ROWS; i++) {
    const GLOBAL ACT* line = in + (LONG)list[i < count ? i : 0] * inputs + k0;
    for (int k = 0; k < depth; k++) {
      packed[k * ROWS + i] = LOAD(line, k);
    }
  }
}

KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void GEMM(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int inputs,
    int outputs,
    int epilogue,
    const GLOBAL float* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL ACT* residual,
    GLOBAL ACT* out,
    int stride) {
  float packed[PACKED * ROWS];
  int first = GROUP_Y * ROWS;
  int count = live[LIVE_TOKENS] - first;
  if (count <= 0) {
    return;
  }
  count = count < ROWS ? count : ROWS;
  const GLOBAL int* list = LIVE_LIST(live, capacity) + first;
  int panels = (outputs + PANEL - 1) / PANEL;
  int end = (GROUP + 1) * stride;
  end = end < panels ? end : panels;
  if (inputs <= PACKED) {
    PACK(list, count, inputs, in, 0, inputs, packed);
  }
  for (int panel = GROUP * stride; panel < end; panel++) {
    const GLOBAL float* w = weight + (LONG)panel * inputs * PANEL;
    float16 l[ROWS];
    float16 r[ROWS];
    UNROLL
    for (int i = 0; i < ROWS; i++) {
      l[i] = vload16(0, bias + panel * PANEL);
      r[i] = vload16(1, bias + panel * PANEL);
    }
    for (int k0 = 0; k0 < inputs; k0 += PACKED) {
      int depth = inputs - k0 < PACKED ? inputs - k0 : PACKED;
      if (inputs > PACKED) {
        PACK(list, count, inputs, in, k0, depth, packed);
      }
      const float* x = packed;
      for (int k = 0; k < depth; k++) {
        float16 w0 = vload16(0, w);
        float16 w1 = vload16(1, w);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
          l[i] = fma((float16)(x[i]), w0, l[i]);
          r[i] = fma((float16)(x[i]), w1, r[i]);
        }
        x += ROWS;
        w += PANEL;
      }
    }
    int n = outputs - panel * PANEL;
    UNROLL
    for (int i = 0; i < ROWS; i++) {
      if (i < count) {
        LONG to = (LONG)list[i] * outputs + panel * PANEL;
        finish16(epilogue, l[i], residual + to, out + to, n);
        if (n > 16) {
          finish16(epilogue, r[i], residual + to + 16, out + to + 16, n - 16);
        }
      }
    }
  }
}
