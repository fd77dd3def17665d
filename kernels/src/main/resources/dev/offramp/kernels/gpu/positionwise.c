/* Layer normalization and embedding: a team of 32 lanes for each valid position. */
#define QUADS_HELD 4
#define WIDTH_HELD (128 * QUADS_HELD)

/* A line that the lanes hold between them, four quads each: read once. */
DEVFN void normalize_held(
    float x[QUADS_HELD][4],
    int valid,
    int width,
    float epsilon,
    const GLOBAL float* gamma,
    const GLOBAL float* beta,
    GLOBAL ACT* out,
    LOCALPTR float* scratch) {
  float sum = 0.0f;
  UNROLL
  for (int q = 0; q < QUADS_HELD; q++) {
    sum += (x[q][0] + x[q][1]) + (x[q][2] + x[q][3]);
  }
  float mean = team_sum(sum, scratch) / (float)width;
  sum = 0.0f;
  UNROLL
  for (int q = 0; q < QUADS_HELD; q++) {
    UNROLL
    for (int k = 0; k < 4; k++) {
      float d = 128 * q + 4 * LANE + k < width ? x[q][k] - mean : 0.0f;
      sum = FMA(d, d, sum);
    }
  }
  float scale = 1.0f / SQRT(team_sum(sum, scratch) / (float)width + epsilon);
  UNROLL
  for (int q = 0; q < QUADS_HELD; q++) {
    int j = 128 * q + 4 * LANE;
    if (valid && j < width) {
      float g[4];
      float b[4];
      load4_f32(gamma, j, width, g);
      load4_f32(beta, j, width, b);
      UNROLL
      for (int k = 0; k < 4; k++) {
        x[q][k] = FMA((x[q][k] - mean) * scale, g[k], b[k]);
      }
      store4(out, j, width, x[q]);
    }
  }
}

KERNEL void layer_norm(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int width,
    float epsilon,
    const GLOBAL float* RESTRICT gamma,
    const GLOBAL float* RESTRICT beta,
    const GLOBAL ACT* in,
    GLOBAL ACT* out) {
  AWAIT_EARLIER();
  LOCAL float scratch[TEAM_ITEMS];
  int t = GROUP * TEAMS + TEAM;
  int valid = t < live[LIVE_TOKENS];
  int n = valid ? width : 0; /* nothing of a line that another team writes, where in is out */
  LONG at = valid ? (LONG)LIVE_LIST(live, capacity)[t] * width : 0;
  if (width <= WIDTH_HELD) {
    float x[QUADS_HELD][4];
    UNROLL
    for (int q = 0; q < QUADS_HELD; q++) {
      load4_upto(in + at, 128 * q + 4 * LANE, n, x[q]);
    }
    normalize_held(x, valid, width, epsilon, gamma, beta, out + at, scratch);
  } else {
    /* Read three times, the last two from the cache. */
    float v[4];
    float g[4];
    float b[4];
    float sum = 0.0f;
    for (int j = 4 * LANE; j < n; j += 128) {
      load4(in + at, j, width, v);
      sum += (v[0] + v[1]) + (v[2] + v[3]);
    }
    float mean = team_sum(sum, scratch) / (float)width;
    sum = 0.0f;
    for (int j = 4 * LANE; j < n; j += 128) {
      load4(in + at, j, width, v);
      UNROLL
      for (int k = 0; k < 4; k++) {
        float d = j + k < width ? v[k] - mean : 0.0f;
        sum = FMA(d, d, sum);
      }
    }
    float scale = 1.0f / SQRT(team_sum(sum, scratch) / (float)width + epsilon);
    for (int j = 4 * LANE; j < n; j += 128) {
      load4(in + at, j, width, v);
      load4_f32(gamma, j, width, g);
      load4_f32(beta, j, width, b);
      UNROLL
      for (int k = 0; k < 4; k++) {
        v[k] = FMA((v[k] - mean) * scale, g[k], b[k]);
      }
      store4(out + at, j, width, v);
    }
  }
}

/* An id outside the vocabulary leaves NaN. */
DEVFN void embedding4(
    const GLOBAL float* words,
    const GLOBAL float* positions,
    const GLOBAL float* types,
    int known,
    LONG word,
    LONG position,
    int j,
    int width,
    float* v) {
  float w[4];
  float p[4];
  load4_f32(words + word, j, width, w);
  load4_f32(positions + position, j, width, p);
  load4_f32(types, j, width, v);
  UNROLL
  for (int k = 0; k < 4; k++) {
    v[k] = known ? w[k] + p[k] + v[k] : NAN_F;
  }
}

KERNEL void embed(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int width,
    float epsilon,
    const GLOBAL float* RESTRICT gamma,
    const GLOBAL float* RESTRICT beta,
    const GLOBAL float* RESTRICT words,
    int vocabulary,
    const GLOBAL float* RESTRICT positions,
    const GLOBAL float* RESTRICT types,
    const GLOBAL int* RESTRICT ids,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  LOCAL float scratch[TEAM_ITEMS];
  int t = GROUP * TEAMS + TEAM;
  int valid = t < live[LIVE_TOKENS];
  int token = valid ? LIVE_LIST(live, capacity)[t] : 0;
  int id = valid ? ids[token] : 0;
  int known = id >= 0 && id < vocabulary;
  LONG word = known ? (LONG)id * width : 0;
  LONG position = (LONG)(token % live[LIVE_POSITIONS]) * width;
  int n = valid ? width : 0;
  float v[4];
  float g[4];
  float b[4];
  float sum = 0.0f;
  for (int j = 4 * LANE; j < n; j += 128) {
    embedding4(words, positions, types, known, word, position, j, width, v);
    UNROLL
    for (int k = 0; k < 4; k++) {
      sum += j + k < width ? v[k] : 0.0f;
    }
  }
  float mean = team_sum(sum, scratch) / (float)width;
  sum = 0.0f;
  for (int j = 4 * LANE; j < n; j += 128) {
    embedding4(words, positions, types, known, word, position, j, width, v);
    UNROLL
    for (int k = 0; k < 4; k++) {
      float d = j + k < width ? v[k] - mean : 0.0f;
      sum = FMA(d, d, sum);
    }
  }
  float scale = 1.0f / SQRT(team_sum(sum, scratch) / (float)width + epsilon);
  for (int j = 4 * LANE; j < n; j += 128) {
    embedding4(words, positions, types, known, word, position, j, width, v);
    load4_f32(gamma, j, width, g);
    load4_f32(beta, j, width, b);
    UNROLL
    for (int k = 0; k < 4; k++) {
      v[k] = FMA((v[k] - mean) * scale, g[k], b[k]);
    }
    store4(out + (LONG)token * width, j, width, v);
  }
}
