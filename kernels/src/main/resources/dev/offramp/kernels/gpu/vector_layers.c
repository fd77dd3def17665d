/*
 * Layer normalization and embedding with BLOCK positions for each work item, attention with a work
 * item for each head of each row.
 */
#define BLOCK 16

/* Normalizes a line of floats that ends with zeros up to a multiple of sixteen. */
DEVFN void normalize(
    const float16* x,
    int width,
    float epsilon,
    const GLOBAL float* gamma,
    const GLOBAL float* beta,
    GLOBAL ACT* out) {
  float16 sums = (float16)(0.0f);
  for (int j = 0; j < width; j += 16) {
    sums += x[j / 16];
  }
  float mean = sum16(sums) / (float)width;
  sums = (float16)(0.0f);
  for (int j = 0; j < width; j += 16) {
    float16 d = first16(x[j / 16] - mean, width - j);
    sums = fma(d, d, sums);
  }
  float scale = 1.0f / sqrt(sum16(sums) / (float)width + epsilon);
  for (int j = 0; j < width; j += 16) {
    int n = width - j;
    float16 y = (x[j / 16] - mean) * scale;
    store16(out + j, n, fma(y, load16_f32(gamma + j, n), load16_f32(beta + j, n)));
  }
}

#define WIDEST 4096

KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void layer_norm_vector(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int width,
    float epsilon,
    const GLOBAL float* RESTRICT gamma,
    const GLOBAL float* RESTRICT beta,
    const GLOBAL ACT* in,
    GLOBAL ACT* out) {
  float16 x[WIDEST / 16];
  int end = min((GROUP + 1) * BLOCK, live[LIVE_TOKENS]);
  for (int t = GROUP * BLOCK; t < end; t++) {
    LONG at = (LONG)LIVE_LIST(live, capacity)[t] * width;
    for (int j = 0; j < width; j += 16) {
      x[j / 16] = load16(in + at + j, width - j);
    }
    normalize(x, width, epsilon, gamma, beta, out + at);
  }
}

/* An id outside the vocabulary leaves NaN. */
KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void embed_vector(
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
  float16 x[WIDEST / 16];
  int end = min((GROUP + 1) * BLOCK, live[LIVE_TOKENS]);
  for (int t = GROUP * BLOCK; t < end; t++) {
    int token = LIVE_LIST(live, capacity)[t];
    int id = ids[token];
    int known = id >= 0 && id < vocabulary;
    const GLOBAL float* word = words + (known ? (LONG)id * width : 0);
    const GLOBAL float* position = positions + (LONG)(token % live[LIVE_POSITIONS]) * width;
    for (int j = 0; j < width; j += 16) {
      int n = width - j;
      float16 v = load16_f32(word + j, n) + load16_f32(position + j, n) + load16_f32(types + j, n);
      x[j / 16] = known ? v : first16((float16)(NAN), n);
    }
    normalize(x, width, epsilon, gamma, beta, out + (LONG)token * width);
  }
}

#define QUERIES 4 /* at a time */
#define LONGEST 2048 /* positions */
#define KEYS 32768 /* floats of transposed keys at a time */

/*
 * Scores of QUERIES queries to all keys first, then their softmax, then the sums of values. Keys
 * are transposed, (headSize, keys padded to sixteen); if they are too many to be so all at once,
 * this is done anew for each round of queries.
 */
KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) void attention_vector(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int heads,
    int headSize,
    float scale,
    const GLOBAL ACT* RESTRICT qkv,
    GLOBAL ACT* RESTRICT out) {
  float keys[KEYS] __attribute__((aligned(64)));
  float scores[QUERIES][LONGEST] __attribute__((aligned(64)));
  int i = GROUP / heads;
  int head = GROUP % heads;
  if (i >= live[LIVE_COUNT]) {
    return;
  }
  int length = LIVE_LENGTHS(live, capacity)[i];
  LONG token = (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS];
  int width = heads * headSize;
  const GLOBAL ACT* q = qkv + token * 3 * width + head * headSize;
  const GLOBAL ACT* k = q + width;
  const GLOBAL ACT* v = k + width;
  GLOBAL ACT* o = out + token * width + head * headSize;
  int padded = (length + 15) / 16 * 16;
  int tile = min(padded, KEYS / headSize / 16 * 16);
  int packed = -1; /* first key of the tile that is there */

  for (int first = 0; first < length; first += QUERIES) {
    for (int from = 0; from < length; from += tile) {
      if (packed != from) {
        packed = from;
        for (int j = 0; j < tile; j++) {
          for (int d = 0; d < headSize; d++) {
            keys[d * tile + j] = from + j < length ? LOAD(k, (LONG)(from + j) * 3 * width + d) : 0.0f;
          }
        }
      }
      for (int j = 0; j < tile && from + j < padded; j += 16) {
        float16 s[QUERIES];
        for (int e = 0; e < QUERIES; e++) {
          s[e] = (float16)(0.0f);
        }
        for (int d = 0; d < headSize; d++) {
          float16 key = vload16(0, keys + d * tile + j);
          UNROLL
          for (int e = 0; e < QUERIES; e++) {
            int query = min(first + e, length - 1);
            s[e] = fma((float16)(LOAD(q, (LONG)query * 3 * width + d)), key, s[e]);
          }
        }
        for (int e = 0; e < QUERIES; e++) {
          vstore16(s[e] * scale, 0, scores[e] + from + j);
        }
      }
    }
    for (int e = 0; e < QUERIES; e++) {
      float16 most = (float16)(-INFINITY);
      for (int j = 0; j < length; j += 16) {
        most = fmax(most, select((float16)(-INFINITY), vload16(0, scores[e] + j), INDEX16 < length - j));
      }
      float m = max16(most);
      float16 sums = (float16)(0.0f);
      for (int j = 0; j < length; j += 16) {
        float16 p = first16(exp(vload16(0, scores[e] + j) - m), length - j);
        vstore16(p, 0, scores[e] + j);
        sums += p;
      }
      float share = 1.0f / sum16(sums);
      for (int j = 0; j < length; j += 16) {
        vstore16(vload16(0, scores[e] + j) * share, 0, scores[e] + j);
      }
    }
    for (int d = 0; d < headSize; d += 16) {
      float16 sums[QUERIES];
      for (int e = 0; e < QUERIES; e++) {
        sums[e] = (float16)(0.0f);
      }
      for (int j = 0; j < length; j++) {
        float16 value = load16(v + (LONG)j * 3 * width + d, headSize - d);
        UNROLL
        for (int e = 0; e < QUERIES; e++) {
          sums[e] = fma((float16)(scores[e][j]), value, sums[e]);
        }
      }
      for (int e = 0; e < QUERIES && first + e < length; e++) {
        store16(o + (LONG)(first + e) * width + d, headSize - d, sums[e]);
      }
    }
  }
}
