/* The exit head on graphics cards: a group of HEAD_TEAMS teams for each row that may be live. */
#define HEAD_TEAMS 8
#define HEAD_ITEMS (32 * HEAD_TEAMS)
#define QUADS_EACH 4
#define CHUNK (128 * QUADS_EACH) /* features pooled at a time */

/*
 * Pools a row of that many positions, which starts at in: teams share the positions, lanes the
 * features. features is float (width).
 *
 * A loop with a barrier inside has one pass at least, here and below: where it might have none,
 * PoCL compiles what follows twice, which took it 20 s more.
 */
DEVFN void pool_row(
    const GLOBAL ACT* in,
    int pooling,
    int length,
    int width,
    LOCALPTR float* parts,
    GLOBAL float* features) {
  int largest = pooling == LARGEST;
  int used = pooling == FIRST ? 1 : length;
  int item = TEAM * 32 + LANE;
  int from = 0;
  do {
    float sum[QUADS_EACH][4];
    UNROLL
    for (int q = 0; q < QUADS_EACH; q++) {
      UNROLL
      for (int k = 0; k < 4; k++) {
        sum[q][k] = largest ? -INF_F : 0.0f;
      }
    }
    for (int p = TEAM; p < used; p += HEAD_TEAMS) {
      UNROLL
      for (int q = 0; q < QUADS_EACH; q++) {
        float v[4];
        load4_upto(in + (LONG)p * width, from + 128 * q + 4 * LANE, width, v);
        UNROLL
        for (int k = 0; k < 4; k++) {
          sum[q][k] = largest ? larger(sum[q][k], v[k]) : sum[q][k] + v[k];
        }
      }
    }
    UNROLL
    for (int q = 0; q < QUADS_EACH; q++) {
      UNROLL
      for (int k = 0; k < 4; k++) {
        parts[TEAM * CHUNK + 128 * q + 4 * LANE + k] = sum[q][k];
      }
    }
    BARRIER();
    for (int j = item; j < CHUNK && from + j < width; j += HEAD_ITEMS) {
      float v = parts[j];
      UNROLL
      for (int t = 1; t < HEAD_TEAMS; t++) {
        v = largest ? larger(v, parts[t * CHUNK + j]) : v + parts[t * CHUNK + j];
      }
      features[from + j] = largest ? v : v / (float)used;
    }
    BARRIER_GLOBAL();
    from += CHUNK;
  } while (from < width);
}

/*
 * Pool, linear, softmax, prediction and scores of each live row. Every team judges the logits, the
 * first one writes.
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
  AWAIT_EARLIER();
  LOCAL float scratch[HEAD_ITEMS];
  LOCAL float parts[HEAD_TEAMS * CHUNK];
  int present = GROUP < live[LIVE_COUNT];
  int i = present ? GROUP : 0;
  if (!present) {
    width = 0; /* Leaving before a barrier, even all together, is more than PoCL 3.1 can do. */
    classes = 0;
  }
  int item = TEAM * 32 + LANE;
  LONG row = (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS] * width;
  GLOBAL float* features = work + (LONG)i * (width + classes);
  GLOBAL float* logits = features + width;
  pool_row(in + row, pooling, LIVE_LENGTHS(live, capacity)[i], width, parts, features);

  int from = 0;
  do {
    int c = from + TEAM;
    float sum = 0.0f;
    if (c < classes) {
      UNROLL_FOUR
      for (int j = LANE; j < width; j += 32) {
        sum = FMA(features[j], weight[(LONG)c * width + j], sum);
      }
    }
    sum = team_sum(sum, scratch);
    if (LANE == 0 && c < classes) {
      logits[c] = sum + bias[c];
    }
    from += HEAD_TEAMS;
  } while (from < classes);
  BARRIER_GLOBAL();

  float best = 0.0f;
  int best_class = -1;
  for (int c = LANE; c < classes; c += 32) {
    if (beats(logits[c], c, best, best_class)) {
      best = logits[c];
      best_class = c;
    }
  }
  for (int step = 16; step > 0; step /= 2) {
    float other = team_next(best, step, scratch);
    int other_class = (int)team_next((float)best_class, step, scratch);
    if (LANE < step && beats(other, other_class, best, best_class)) {
      best = other;
      best_class = other_class;
    }
  }
  best_class = (int)team_max(LANE == 0 ? (float)best_class : -1.0f, scratch);
  best_class = best_class < 0 ? 0 : best_class;
  best = present ? logits[best_class] : 0.0f; /* NaN where all are */

  float sum = 0.0f;
  float weighted = 0.0f;
  float second = 0.0f;
  for (int c = LANE; c < classes; c += 32) {
    float d = logits[c] - best;
    float e = EXP(d);
    sum += e;
    weighted += e == 0.0f ? 0.0f : d * e;
    if (c != best_class) {
      second = MAX(second, e);
    }
  }
  sum = team_sum(sum, scratch);
  weighted = team_sum(weighted, scratch);
  second = team_max(second, scratch);

  if (item == 0 && present) {
    conclude(best_class, classes, sum, weighted, second, i, signal_capacity, scores, predictions);
  }
  if (present && probabilities) {
    for (int c = item; c < classes; c += HEAD_ITEMS) {
      probabilities[(LONG)i * classes + c] = EXP(logits[c] - best) / sum;
    }
  }
}
