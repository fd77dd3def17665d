/*
 * Attention of sixteen queries of one head of one row on tensor cores, a warp for them: HEAD
 * dimensions, headSize of them in use, a multiple of 8. Scores stay in registers: those of 32 keys
 * at a time, with a running maximum m and sum l of the softmax (Dao, arXiv 2307.08691). Only values
 * go through local memory, since the product wants them transposed.
 *   qkv: (capacity, positions, 3 * heads * headSize), out: (capacity, positions, heads * headSize)
 * Block (x, y): x-th live row, four units from 4 y on; a unit is sixteen queries of one head.
 */
#define WARPS 4
#define KEYS 32
#define PIECES (HEAD / 8) /* of 16 bytes, in a line of values */
#if HEAD == 32
#define PLACE(key, piece) ((key) * 2 * HEAD + (((piece) ^ (((key) >> 1) & 3)) << 4))
#else
#define PLACE(key, piece) ((key) * 2 * HEAD + (((piece) ^ ((key) & 7)) << 4))
#endif

extern "C" __global__ void __launch_bounds__(32 * WARPS) ATTENTION(
    const int* RESTRICT live,
    int capacity,
    int heads,
    int headSize,
    float scale,
    const ACT* RESTRICT qkv,
    ACT* RESTRICT out) {
  __shared__ __align__(128) unsigned char tiles[WARPS * KEYS * HEAD * 2];
  AWAIT_EARLIER();
  int i = GROUP;
  if (i >= live[LIVE_COUNT]) {
    return;
  }
  int lane = LANE % 32;
  int warp = LANE / 32;
  int length = LIVE_LENGTHS(live, capacity)[i];
  int rounds = (length + 15) / 16;
  int unit = GROUP_Y * WARPS + warp;
  int head = unit / rounds;
  if (head >= heads) {
    return; /* the whole warp, and warps do not wait for each other */
  }
  int width = heads * headSize;
  int stride = 3 * width;
  LONG token = (LONG)LIVE_ROWS(live)[i] * live[LIVE_POSITIONS];
  const ACT* rows = qkv + token * stride + head * headSize;
  unsigned base = shared_address(tiles + warp * KEYS * HEAD * 2);
  int q0 = unit % rounds * 16 + lane / 4; /* this lane's two queries */
  int q1 = q0 + 8;
  int pair = lane % 4 * 2; /* and its columns in every product */
  scale *= 1.44269504f; /* for powers of two */

  unsigned q[HEAD / 16][4];
#pragma unroll
  for (int k = 0; k < HEAD / 16; k++) {
#pragma unroll
    for (int e = 0; e < 4; e++) {
      int query = e % 2 == 0 ? q0 : q1;
      int d = 16 * k + e / 2 * 8 + pair;
      q[k][e] = query < length && d < headSize ? *(const unsigned*)(rows + (LONG)query * stride + d) : 0u;
    }
  }
  float o[HEAD / 8][4];
#pragma unroll
  for (int n = 0; n < HEAD / 8; n++) {
    o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0.0f;
  }
  float m[2] = {-INF_F, -INF_F};
  float l[2] = {0.0f, 0.0f};

#pragma unroll 1
  for (int from = 0; from < length; from += KEYS) {
    __syncwarp(); /* nobody reads the former values any more */
#pragma unroll
    for (int e = 0; e < PIECES; e++) {
      int key = (32 * e + lane) / PIECES;
      int piece = (32 * e + lane) % PIECES;
      int valid = from + key < length && 8 * piece < headSize;
      const ACT* value = rows + 2 * width + (LONG)(valid ? from + key : 0) * stride;
      copy16(base + PLACE(key, piece), value + (valid ? 8 * piece : 0), valid);
    }
    copies_end();

    float s[4][4];
#pragma unroll
    for (int n = 0; n < 4; n++) {
      s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0.0f;
      int key = from + 8 * n + lane / 4;
      const ACT* k_row = rows + width + (LONG)(key < length ? key : 0) * stride;
#pragma unroll
      for (int k = 0; k < HEAD / 16; k++) {
        int d = 16 * k + pair;
        unsigned b0 = d < headSize ? *(const unsigned*)(k_row + d) : 0u;
        unsigned b1 = d + 8 < headSize ? *(const unsigned*)(k_row + d + 8) : 0u;
        multiply(s[n], q[k], b0, b1);
      }
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float most = m[half];
#pragma unroll
      for (int n = 0; n < 4; n++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float* x = &s[n][2 * half + e];
          *x = from + 8 * n + pair + e < length ? *x * scale : -INF_F;
          most = fmaxf(most, *x);
        }
      }
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      float shrink = exp2f(m[half] - most);
      m[half] = most;
      l[half] *= shrink;
#pragma unroll
      for (int n = 0; n < 4; n++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float p = exp2f(s[n][2 * half + e] - most); /* a NaN stays */
          s[n][2 * half + e] = p;
          l[half] += p;
        }
      }
#pragma unroll
      for (int n = 0; n < HEAD / 8; n++) {
        o[n][2 * half] *= shrink;
        o[n][2 * half + 1] *= shrink;
      }
    }

    copies_wait_all();
    __syncwarp();
#pragma unroll
    for (int k = 0; k < KEYS / 16; k++) {
      unsigned p[4] = {
        halves(s[2 * k][0], s[2 * k][1]),
        halves(s[2 * k][2], s[2 * k][3]),
        halves(s[2 * k + 1][0], s[2 * k + 1][1]),
        halves(s[2 * k + 1][2], s[2 * k + 1][3])
      };
#pragma unroll
      for (int n = 0; n < HEAD / 16; n++) {
        unsigned v[4];
        int key = 16 * k + lane / 8 % 2 * 8 + lane % 8;
        load_transposed(base + PLACE(key, 2 * n + lane / 16), v);
        multiply(o[2 * n], p, v[0], v[1]);
        multiply(o[2 * n + 1], p, v[2], v[3]);
      }
    }
  }

#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = l[half];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    int query = half == 0 ? q0 : q1;
    if (query < length) {
      ACT* to = out + (token + query) * width + head * headSize;
#pragma unroll
      for (int n = 0; n < HEAD / 8; n++) {
        if (8 * n < headSize) {
          *(unsigned*)(to + 8 * n + pair) = halves(o[n][2 * half] / sum, o[n][2 * half + 1] / sum);
        }
      }
    }
  }
}
#undef WARPS
#undef KEYS
#undef PIECES
#undef PLACE
