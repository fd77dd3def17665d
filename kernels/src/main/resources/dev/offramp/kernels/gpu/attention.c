/*
 * Attention of one head of one row: HEAD dimensions, headSize of them in use. A group has 32
 * queries, a lane each, times SPLITS teams that share the keys among them; each keeps a softmax of
 * its own (running maximum m, sum l, result o), and the first team merges them. No scores leave
 * the registers.
 *   qkv: (capacity, positions, 3 * heads * headSize), out: (capacity, positions, heads * headSize)
 */
#define SPLITS 4
#define TILE (2048 / HEAD) /* keys in local memory at a time */
#define QUADS (HEAD / 4)
#if HEAD > 64
#define QUERY_UNROLL UNROLL_FOUR /* queries are in local memory: registers are short */
#else
#define QUERY_UNROLL UNROLL
#endif

KERNEL void ATTENTION(
    const GLOBAL int* RESTRICT live,
    int capacity,
    int heads,
    int headSize,
    float scale,
    const GLOBAL ACT* RESTRICT qkv,
    GLOBAL ACT* RESTRICT out) {
  AWAIT_EARLIER();
  LOCAL float4 keys[2 * TILE * QUADS]; /* then values; in the end results to be merged */
  LOCALPTR float4* values = keys + TILE * QUADS;
#if HEAD > 64
  LOCAL float4 queries[32 * QUADS];
  LOCALPTR float* merge = (LOCALPTR float*)queries; /* in 32 KiB: some GPUs have no more */
#else
  float4 queries[QUADS];
  LOCAL float merge[2 * 32];
#endif
  int i = GROUP / heads;
  int head = GROUP % heads;
  int length = 0; /* where there is nothing to do: see exit_head for why it does not return */
  if (i < live[LIVE_COUNT]) {
    length = LIVE_LENGTHS(live, capacity)[i];
    length = GROUP_Y * 32 < length ? length : 0;
  } else {
    i = 0;
  }
  LONG token = (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS];
  int width = heads * headSize;
  int query = GROUP_Y * 32 + LANE;
  int item = TEAM * 32 + LANE;
  const GLOBAL ACT* q = qkv + (token + (query < length ? query : 0)) * 3 * width + head * headSize;
  float v[4];
  float4 o[QUADS];
  float m = -INF_F;
  float l = 0.0f;
  QUERY_UNROLL
  for (int d = 0; d < QUADS; d++) {
    if (4 * d < headSize) {
      load4(q, 4 * d, headSize, v);
    } else {
      v[0] = v[1] = v[2] = v[3] = 0.0f;
    }
#if HEAD > 64
    if (TEAM == 0) {
      queries[d * 32 + LANE] = FLOAT4(v[0] * scale, v[1] * scale, v[2] * scale, v[3] * scale);
    }
#else
    queries[d] = FLOAT4(v[0] * scale, v[1] * scale, v[2] * scale, v[3] * scale);
#endif
  }
  UNROLL
  for (int d = 0; d < QUADS; d++) {
    o[d] = FLOAT4(0.0f, 0.0f, 0.0f, 0.0f);
  }

  for (int from = 0; from < length; from += TILE) {
    int count = length - from < TILE ? length - from : TILE;
    BARRIER();
    for (int e = item; e < count * QUADS; e += 32 * SPLITS) {
      int key = e / QUADS;
      int d = e % QUADS;
      const GLOBAL ACT* k = qkv + (token + from + key) * 3 * width + width + head * headSize;
      if (4 * d < headSize) {
        load4(k, 4 * d, headSize, v);
        keys[e] = FLOAT4(v[0], v[1], v[2], v[3]);
        load4(k + width, 4 * d, headSize, v);
        values[e] = FLOAT4(v[0], v[1], v[2], v[3]);
      } else {
        keys[e] = FLOAT4(0.0f, 0.0f, 0.0f, 0.0f);
        values[e] = FLOAT4(0.0f, 0.0f, 0.0f, 0.0f);
      }
    }
    BARRIER();
    for (int key = TEAM; key < count; key += SPLITS) {
      float4 s4 = FLOAT4(0.0f, 0.0f, 0.0f, 0.0f);
      QUERY_UNROLL
      for (int d = 0; d < QUADS; d++) {
        float4 k = keys[key * QUADS + d];
#if HEAD > 64
        float4 x = queries[d * 32 + LANE];
#else
        float4 x = queries[d];
#endif
        s4.x = FMA(x.x, k.x, s4.x);
        s4.y = FMA(x.y, k.y, s4.y);
        s4.z = FMA(x.z, k.z, s4.z);
        s4.w = FMA(x.w, k.w, s4.w);
      }
      float s = (s4.x + s4.y) + (s4.z + s4.w);
      if (s > m) {
        float shrink = EXP(m - s);
        m = s;
        l *= shrink;
        UNROLL
        for (int d = 0; d < QUADS; d++) {
          o[d].x *= shrink;
          o[d].y *= shrink;
          o[d].z *= shrink;
          o[d].w *= shrink;
        }
      }
      float p = EXP(s - m); /* a NaN stays */
      l += p;
      UNROLL
      for (int d = 0; d < QUADS; d++) {
        float4 x = values[key * QUADS + d];
        o[d].x = FMA(p, x.x, o[d].x);
        o[d].y = FMA(p, x.y, o[d].y);
        o[d].z = FMA(p, x.z, o[d].z);
        o[d].w = FMA(p, x.w, o[d].w);
      }
    }
  }

  int splits = length < SPLITS ? length : SPLITS; /* those that had a key */
  for (int other = 1; other < splits; other++) {
    BARRIER();
    if (TEAM == other) {
      merge[LANE] = m;
      merge[32 + LANE] = l;
      UNROLL
      for (int d = 0; d < QUADS; d++) {
        keys[d * 32 + LANE] = o[d];
      }
    }
    BARRIER();
    if (TEAM == 0) {
      float theirs = merge[LANE];
      float most = MAX(m, theirs);
      float a = EXP(m - most);
      float b = EXP(theirs - most);
      m = most;
      l = a * l + b * merge[32 + LANE];
      UNROLL
      for (int d = 0; d < QUADS; d++) {
        float4 x = keys[d * 32 + LANE];
        o[d].x = a * o[d].x + b * x.x;
        o[d].y = a * o[d].y + b * x.y;
        o[d].z = a * o[d].z + b * x.z;
        o[d].w = a * o[d].w + b * x.w;
      }
    }
  }
  if (TEAM == 0 && query < length) {
    GLOBAL ACT* to = out + (token + query) * width + head * headSize;
    UNROLL
    for (int d = 0; d < QUADS; d++) {
      if (4 * d < headSize) {
        v[0] = o[d].x / l;
        v[1] = o[d].y / l;
        v[2] = o[d].z / l;
        v[3] = o[d].w / l;
        store4(to, 4 * d, headSize, v);
      }
    }
  }
}
#undef SPLITS
#undef TILE
#undef QUADS
#undef QUERY_UNROLL
