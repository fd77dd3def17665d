#if defined(F16) || __CUDA_ARCH__ >= 800 /* TF32 began there */
/*
 * out = epilogue(W in + bias) at each valid position, on tensor cores with sums in float. A block
 * makes a tile of M positions and N outputs with WARPS_M x WARPS_N warps; tiles of inputs are LINE
 * bytes deep and STAGES of them are on their way at a time.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 * Lines of a tile are 64 bytes, two to a row of banks. Their 16-byte pieces are permuted by the
 * number of the pair of lines, so that eight lines' pieces lie in different banks.
 */
#define THREADS (32 * WARPS_M * WARPS_N)
#define TILES_M (M / WARPS_M / 16)
#define TILES_N (N / WARPS_N / 8)
#define PIECE ((int)(16 / sizeof(ACT))) /* elements in 16 bytes */
#define COPIES_IN (M * 4 / THREADS)
#define COPIES_WEIGHT (N * 4 / THREADS)
#define STAGE_BYTES ((M + N) * LINE)
#define PLACE(line, piece) ((line) * LINE + (((piece) ^ (((line) >> 1) & 3)) << 4))

extern "C" __global__ void __launch_bounds__(THREADS) GEMM(
    const int* __restrict__ live,
    int capacity,
    int inputs,
    int outputs,
    int epilogue,
    const ACT* __restrict__ weight,
    const float* __restrict__ bias,
    const ACT* __restrict__ in,
    const ACT* residual,
    ACT* out) {
  extern __shared__ __align__(128) unsigned char tiles[];
  int tokens = live[LIVE_TOKENS];
  int first = GROUP_Y * M;
  if (first >= tokens) {
    return;
  }
  const int* list = LIVE_LIST(live, capacity);
  int column = GROUP * N;
  int lane = LANE % 32;
  int warp = LANE / 32;
  int warp_m = warp / WARPS_N * (M / WARPS_M);
  int warp_n = warp % WARPS_N * (N / WARPS_N);
  unsigned base = shared_address(tiles);
  int aligned = inputs % PIECE == 0;
  int piece = LANE % 4; /* the same for all copies of a thread: THREADS is a multiple of 4 */

  const ACT* in_line[COPIES_IN];
  const ACT* weight_line[COPIES_WEIGHT];
#pragma unroll
  for (int e = 0; e < COPIES_IN; e++) {
    int m = first + (LANE + e * THREADS) / 4;
    in_line[e] = in + (long)list[m < tokens ? m : first] * inputs;
  }
#pragma unroll
  for (int e = 0; e < COPIES_WEIGHT; e++) {
    int n = column + (LANE + e * THREADS) / 4;
    weight_line[e] = weight + (long)(n < outputs ? n : 0) * inputs;
  }

  int steps = (inputs + 4 * PIECE - 1) / (4 * PIECE);
  auto fetch = [&](int step) {
    if (step < steps) {
      int k = (4 * step + piece) * PIECE;
      unsigned to = base + step % STAGES * STAGE_BYTES;
#pragma unroll
      for (int e = 0; e < COPIES_IN; e++) {
        unsigned place = to + PLACE((LANE + e * THREADS) / 4, piece);
        if (aligned) {
          copy16(place, in_line[e] + (k < inputs ? k : 0), k < inputs);
        } else {
          copy16_odd(place, in_line[e], k, inputs);
        }
      }
      to += M * LINE;
#pragma unroll
      for (int e = 0; e < COPIES_WEIGHT; e++) {
        unsigned place = to + PLACE((LANE + e * THREADS) / 4, piece);
        if (aligned) {
          copy16(place, weight_line[e] + (k < inputs ? k : 0), k < inputs);
        } else {
          copy16_odd(place, weight_line[e], k, inputs);
        }
      }
    }
    copies_end();
  };

  float sum[TILES_M][TILES_N][4];
#pragma unroll
  for (int i = 0; i < TILES_M; i++) {
#pragma unroll
    for (int j = 0; j < TILES_N; j++) {
      sum[i][j][0] = sum[i][j][1] = sum[i][j][2] = sum[i][j][3] = 0.0f;
    }
  }
#pragma unroll
  for (int step = 0; step < STAGES - 1; step++) {
    fetch(step);
  }
  for (int step = 0; step < steps; step++) {
    copies_wait();
    __syncthreads();
    fetch(step + STAGES - 1);
    unsigned stage = base + step % STAGES * STAGE_BYTES;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      unsigned a[TILES_M][4];
      unsigned b[TILES_N / 2][4];
#pragma unroll
      for (int i = 0; i < TILES_M; i++) {
        int line = warp_m + 16 * i + lane % 16;
        load_matrices(stage + PLACE(line, 2 * half + lane / 16), a[i]);
      }
#pragma unroll
      for (int j = 0; j < TILES_N / 2; j++) {
        int line = warp_n + 16 * j + lane / 16 * 8 + lane % 8;
        load_matrices(stage + M * LINE + PLACE(line, 2 * half + lane / 8 % 2), b[j]);
      }
#pragma unroll
      for (int i = 0; i < TILES_M; i++) {
#pragma unroll
        for (int j = 0; j < TILES_N; j++) {
          multiply(sum[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }

  /* A lane has two neighbouring outputs of the positions lane / 4 and lane / 4 + 8 of each tile. */
#pragma unroll
  for (int i = 0; i < TILES_M; i++) {
#pragma unroll
    for (int below = 0; below < 2; below++) {
      int m = first + warp_m + 16 * i + 8 * below + lane / 4;
      if (m >= tokens) {
        continue;
      }
      long to = (long)list[m] * outputs;
#pragma unroll
      for (int j = 0; j < TILES_N; j++) {
        int n = column + warp_n + 8 * j + lane % 4 * 2;
        float v0 = sum[i][j][2 * below];
        float v1 = sum[i][j][2 * below + 1];
        if (outputs % 2 == 0) {
          if (n < outputs) {
            float2 add = *(const float2*)(bias + n);
            v0 = activate(epilogue, v0 + add.x);
            v1 = activate(epilogue, v1 + add.y);
            if (epilogue == BIAS_RESIDUAL) {
              v0 += LOAD(residual, to + n);
              v1 += LOAD(residual, to + n + 1);
            }
            STORE2(out, to + n, v0, v1);
          }
        } else {
          if (n < outputs) {
            v0 = activate(epilogue, v0 + bias[n]);
            STORE(out, to + n, epilogue == BIAS_RESIDUAL ? v0 + LOAD(residual, to + n) : v0);
          }
          if (n + 1 < outputs) {
            v1 = activate(epilogue, v1 + bias[n + 1]);
            STORE(
                out,
                to + n + 1,
                epilogue == BIAS_RESIDUAL ? v1 + LOAD(residual, to + n + 1) : v1);
          }
        }
      }
    }
  }
}
#undef THREADS
#undef TILES_M
#undef TILES_N
#undef PIECE
#undef COPIES_IN
#undef COPIES_WEIGHT
#undef STAGE_BYTES
#undef PLACE
#endif
