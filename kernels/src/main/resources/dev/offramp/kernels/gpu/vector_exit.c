/* The exit head with a work item for each row that may be live. */

/* Features j to j + 15 of a row of used positions, zeros from width on. */
DEVFN float16 pooled16(const GLOBAL ACT* in, int largest, int used, int width, int j) {
  float16 v = load16(in + j, width - j);
  for (int p = 1; p < used; p++) {
    float16 x = load16(in + (LONG)p * width + j, width - j);
    v = largest ? select(v, x, x > v || x != x) : v + x;
  }
  return largest ? v : v / (float)used;
}

/*
 * Pool, linear, softmax, prediction and scores of each live row.
 *   work: float (capacity, width + classes), pooled features and logits
 *   scores: float (3, signal_capacity): top-1, margin, entropy
 *   probabilities: float (signal_capacity, classes), or null
 */
KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void exit_head_vector(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int pooling,
    int width,
    int classes,
    const GLOBAL ACT* RESTRICT in,
    const GLOBAL float* RESTRICT weight,
    const GLOBAL float* RESTRICT bias,
    GLOBAL float* work,
    int signal_capacity,
    GLOBAL float* RESTRICT scores,
    GLOBAL int* RESTRICT predictions,
    GLOBAL float* probabilities) {
  int i = GROUP;
  if (i >= live[LIVE_COUNT]) {
    return;
  }
  const GLOBAL ACT* row = in + (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS] * width;
  int used = pooling == FIRST ? 1 : LIVE_LENGTHS(live, capacity)[i];
  GLOBAL float* features = work + (LONG)i * (width + classes);
  GLOBAL float* logits = features + width;
  for (int j = 0; j < width; j += 16) {
    store16_f32(features + j, width - j, pooled16(row, pooling == LARGEST, used, width, j));
  }

  float best = 0.0f;
  int best_class = -1;
  for (int from = 0; from < classes; from += PANEL) {
    const GLOBAL float* w = weight + (LONG)from * width;
    float16 l[2];
    float16 r[2];
    l[0] = vload16(0, bias + from);
    r[0] = vload16(1, bias + from);
    l[1] = r[1] = (float16)(0.0f);
    for (int j = 0; j < width; j += 2) {
      /* Two sums of each, so that one need not wait for the other. */
      for (int k = 0; k < 2 && j + k < width; k++) {
        l[k] = fma((float16)(features[j + k]), vload16(2 * (j + k), w), l[k]);
        r[k] = fma((float16)(features[j + k]), vload16(2 * (j + k) + 1, w), r[k]);
      }
    }
    int n = classes - from;
    store16_f32(logits + from, n, l[0] + l[1]);
    if (n > 16) {
      store16_f32(logits + from + 16, n - 16, r[0] + r[1]);
    }
    for (int c = from; c < classes && c < from + PANEL; c++) {
      if (beats(logits[c], c, best, best_class)) {
        best = logits[c];
        best_class = c;
      }
    }
  }
  best_class = best_class < 0 ? 0 : best_class;
  best = logits[best_class]; /* NaN where all are */

  float16 sums = (float16)(0.0f);
  float16 weighted = (float16)(0.0f);
  float second = 0.0f;
  for (int c = 0; c < classes; c += 16) {
    float16 d = load16_f32(logits + c, classes - c) - best;
    float16 e = first16(exp(d), classes - c);
    sums += e;
    weighted += select(d * e, (float16)(0.0f), e == 0.0f);
    second = fmax(second, max16(select(e, (float16)(0.0f), INDEX16 == best_class - c)));
    if (probabilities) {
      store16_f32(probabilities + (LONG)i * classes + c, classes - c, e);
    }
  }
  float sum = sum16(sums);
  conclude(
      best_class, classes, sum, sum16(weighted), second, i, signal_capacity, scores, predictions);
  if (probabilities) {
    for (int c = 0; c < classes; c++) {
      probabilities[(LONG)i * classes + c] /= sum;
    }
  }
}
