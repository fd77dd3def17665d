/* What ends a row, on any device: a group for each row that may be live. */

#define MEAN 0
#define FIRST 1
#define LARGEST 2

/* A NaN stays. */
DEVFN float larger(float a, float b) {
  return b > a || IS_NAN(b) ? b : a;
}

/* Pools feature j of a row of that many positions, which starts at in. */
DEVFN float pooled(const GLOBAL ACT* in, int pooling, int length, int width, int j) {
  float v = LOAD(in, j);
  if (pooling == FIRST) {
    return v;
  }
  for (int p = 1; p < length; p++) {
    float x = LOAD(in, (LONG)p * width + j);
    if (pooling == MEAN) {
      v += x;
    } else {
      v = larger(v, x);
    }
  }
  return pooling == MEAN ? v / (float)length : v;
}

/* out is float (live rows, width). */
KERNEL void pool(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int pooling,
    int width,
    const GLOBAL ACT* RESTRICT in,
    GLOBAL float* RESTRICT out) {
  AWAIT_EARLIER();
  int i = GROUP;
  if (i < live[LIVE_COUNT]) {
    LONG row = (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS] * width;
    int length = LIVE_LENGTHS(live, capacity)[i];
    for (int j = LANE; j < width; j += LANES) {
      out[(LONG)i * width + j] = pooled(in + row, pooling, length, width, j);
    }
  }
}

/* Whether logit a of class i beats logit b of class j: NaN never does, the first of equals does. */
DEVFN int beats(float a, int i, float b, int j) {
  if (i < 0 || IS_NAN(a)) {
    return 0;
  }
  return j < 0 || IS_NAN(b) || a > b || (a == b && i < j);
}

/*
 * Prediction and scores of row i. Over all classes, with d = logit - largest logit: sum of e^d and
 * of d e^d (weighted), and the largest e^d but for that of best_class (second).
 */
DEVFN void conclude(
    int best_class,
    int classes,
    float sum,
    float weighted,
    float second,
    int i,
    int signal_capacity,
    GLOBAL float* scores,
    GLOBAL int* predictions) {
  /* H = log(sum) - weighted / sum, since log p = d - log(sum) */
  float entropy = classes == 1 ? 0.0f * sum : (LOG(sum) - weighted / sum) / LOG((float)classes);
  float sureness = 1.0f - entropy;
  sureness = sureness < 0.0f ? 0.0f : sureness > 1.0f ? 1.0f : sureness; /* NaN stays */
  predictions[i] = best_class;
  scores[i] = 1.0f / sum;
  scores[signal_capacity + i] = (1.0f - second) / sum;
  scores[2 * signal_capacity + i] = sureness;
}
