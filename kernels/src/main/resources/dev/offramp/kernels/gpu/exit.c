/* What ends a row: a group for each row that may be live. */

#define MEAN 0
#define FIRST 1
#define LARGEST 2

/* Pools feature j of a row of that many positions, which starts at in. */
DEVFN float pooled(const GLOBAL ACT* in, int pooling, int length, int width, int j) {
  float v = LOAD(in, j);
  if (pooling == FIRST) {
    return v;
  }
  for (int p = 1; p < length; p++) {
    float x = LOAD(in, (long)p * width + j);
    if (pooling == MEAN) {
      v += x;
    } else {
      v = x > v || IS_NAN(x) ? x : v; /* a NaN stays */
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
  int i = GROUP;
  if (i < live[LIVE_COUNT]) {
    long row = (long)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS] * width;
    int length = LIVE_LENGTHS(live, capacity)[i];
    for (int j = LANE; j < width; j += LANES) {
      out[(long)i * width + j] = pooled(in + row, pooling, length, width, j);
    }
  }
}

#define HEAD_TEAMS 8
#define HEAD_ITEMS (32 * HEAD_TEAMS)

/* Combines what all items of the group hold; op is one of the two below. */
#define SUM_OF(a, b) ((a) + (b))
#define GROUP_REDUCE(v, scratch, op)                                   \
  do {                                                                 \
    BARRIER();                                                         \
    scratch[item] = v;                                                 \
    BARRIER();                                                         \
    for (int step = HEAD_ITEMS / 2; step > 0; step /= 2) {             \
      if (item < step) {                                               \
        scratch[item] = op(scratch[item], scratch[item + step]);       \
      }                                                                \
      BARRIER();                                                       \
    }                                                                  \
    v = scratch[0];                                                    \
  } while (0)

/* Whether logit a of class i beats logit b of class j: NaN never does, the first of equals does. */
DEVFN int beats(float a, int i, float b, int j) {
  if (i < 0 || IS_NAN(a)) {
    return 0;
  }
  return j < 0 || IS_NAN(b) || a > b || (a == b && i < j);
}

/*
 * Pool, linear, softmax, prediction and scores of each live row.
 *   work: float (capacity, width + classes), pooled features and logits
 *   scores: float (3, signal_capacity): top-1, margin, entropy
 *   probabilities: float (signal_capacity, classes), or null
 */
KERNEL void exit_head(
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
  LOCAL float scratch[HEAD_ITEMS];
  LOCAL int classes_of[HEAD_ITEMS];
  int present = GROUP < live[LIVE_COUNT];
  int i = present ? GROUP : 0;
  if (!present) {
    width = 0; /* Leaving before a barrier, even all together, is more than PoCL 3.1 can do. */
    classes = 0;
  }
  int item = TEAM * 32 + LANE;
  long row = (long)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS] * width;
  int length = LIVE_LENGTHS(live, capacity)[i];
  GLOBAL float* features = work + (long)i * (width + classes);
  GLOBAL float* logits = features + width;

  for (int j = item; j < width; j += HEAD_ITEMS) {
    features[j] = pooled(in + row, pooling, length, width, j);
  }
  BARRIER_GLOBAL();

  for (int from = 0; from < classes; from += HEAD_TEAMS) {
    int c = from + TEAM;
    float sum = 0.0f;
    if (c < classes) {
      for (int j = LANE; j < width; j += 32) {
        sum = FMA(features[j], weight[WEIGHT_AT(c, j, width)], sum);
      }
    }
    sum = team_sum(sum, scratch);
    if (LANE == 0 && c < classes) {
      logits[c] = sum + bias[c];
    }
  }
  BARRIER_GLOBAL();

  float best = 0.0f;
  int best_class = -1;
  for (int c = item; c < classes; c += HEAD_ITEMS) {
    if (beats(logits[c], c, best, best_class)) {
      best = logits[c];
      best_class = c;
    }
  }
  BARRIER();
  scratch[item] = best;
  classes_of[item] = best_class;
  BARRIER();
  for (int step = HEAD_ITEMS / 2; step > 0; step /= 2) {
    if (item < step
        && beats(
            scratch[item + step], classes_of[item + step], scratch[item], classes_of[item])) {
      scratch[item] = scratch[item + step];
      classes_of[item] = classes_of[item + step];
    }
    BARRIER();
  }
  best_class = classes_of[0] < 0 ? 0 : classes_of[0];
  best = present ? logits[best_class] : 0.0f; /* NaN where all are */

  float sum = 0.0f;
  float weighted = 0.0f;
  float second = 0.0f;
  for (int c = item; c < classes; c += HEAD_ITEMS) {
    float d = logits[c] - best;
    float e = EXP(d);
    sum += e;
    weighted += e == 0.0f ? 0.0f : d * e;
    if (c != best_class) {
      second = MAX(second, e);
    }
  }
  GROUP_REDUCE(sum, scratch, SUM_OF);
  GROUP_REDUCE(weighted, scratch, SUM_OF);
  GROUP_REDUCE(second, scratch, MAX);

  if (item == 0 && present) {
    /* H = log(sum) - weighted / sum, since log p = d - log(sum) */
    float entropy =
        classes == 1 ? 0.0f * sum : (LOG(sum) - weighted / sum) / LOG((float)classes);
    float sureness = 1.0f - entropy;
    sureness = sureness < 0.0f ? 0.0f : sureness > 1.0f ? 1.0f : sureness; /* NaN stays */
    predictions[i] = best_class;
    scores[i] = 1.0f / sum;
    scores[signal_capacity + i] = (1.0f - second) / sum;
    scores[2 * signal_capacity + i] = sureness;
  }
  if (present && probabilities) {
    for (int c = item; c < classes; c += HEAD_ITEMS) {
      probabilities[(long)i * classes + c] = EXP(logits[c] - best) / sum;
    }
  }
}
