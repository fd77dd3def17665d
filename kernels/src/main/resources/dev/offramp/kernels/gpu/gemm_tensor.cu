#if defined(F16) || __CUDA_ARCH__ >= 800 /* TF32 began there */
/*
 * out = epilogue(W in + bias) at each valid position, on tensor cores with sums in float. A block
 * makes a tile of M positions and N outputs with WARPS_M x WARPS_N warps; tiles of inputs are LINE
 * bytes deep and STAGES of them are on their way at a time. Lines must be multiples of 16 bytes.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 */
#define THREADS (32 * WARPS_M * WARPS_N)
#define WARP_N (N / WARPS_N)
#define TILES_M (M / WARPS_M / 16)
#define TILES_N (WARP_N / 8)
#define PIECES (LINE / 16) /* of a line of a tile */
#define PIECE ((int)(16 / sizeof(ACT))) /* elements in 16 bytes */
#define COPIES_IN (M * PIECES / THREADS)
#define COPIES_WEIGHT (N * PIECES / THREADS)
#define STAGE_BYTES ((M + N) * LINE)

extern "C" __global__ void __launch_bounds__(THREADS) GEMM(
    const int* RESTRICT live,
    int capacity,
    int inputs,
    int outputs,
    int epilogue,
    const ACT* __restrict__ weight,
    const float* __restrict__ bias,
    const ACT* RESTRICT in,
    const ACT* residual,
    ACT* out) {
  extern __shared__ __align__(128) unsigned char tiles[];
  int first = GROUP_Y * M;
  int column = GROUP * N;
  int lane = LANE % 32;
  int warp = LANE / 32;
  int warp_m = warp / WARPS_N * (M / WARPS_M);
  int warp_n = warp % WARPS_N * WARP_N;
  unsigned base = shared_address(tiles);
  int steps = (inputs + PIECES * PIECE - 1) / (PIECES * PIECE);

  const ACT* weight_line[COPIES_WEIGHT];
#pragma unroll
  for (int e = 0; e < COPIES_WEIGHT; e++) {
    int n = column + fetched_line<PIECES, THREADS>(e);
    weight_line[e] = weight + (LONG)(n < outputs ? n : 0) * inputs + LANE % PIECES * PIECE;
  }
  auto fetch_weight = [&](int step) {
    unsigned to = base + step % STAGES * STAGE_BYTES + M * LINE;
    fetch_lines<PIECES, THREADS>(weight_line, inputs, step, to);
  };
  /* Weights depend on no earlier kernel: they set out before the table of live rows is read. */
#pragma unroll
  for (int step = 0; step < STAGES - 1; step++) {
    fetch_weight(step); /* zeros beyond the last one */
  }

  AWAIT_EARLIER();
  int tokens = live[LIVE_TOKENS];
  if (first >= tokens) {
    copies_wait_all();
    return;
  }
  const int* list = LIVE_LIST(live, capacity);
  const ACT* in_line[COPIES_IN];
#pragma unroll
  for (int e = 0; e < COPIES_IN; e++) {
    int m = first + fetched_line<PIECES, THREADS>(e);
    in_line[e] = in + (LONG)list[m < tokens ? m : first] * inputs + LANE % PIECES * PIECE;
  }
  auto fetch_in = [&](int step) {
    fetch_lines<PIECES, THREADS>(in_line, inputs, step, base + step % STAGES * STAGE_BYTES);
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
    fetch_in(step);
    copies_end();
  }
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    copies_wait<STAGES - 2>();
    __syncthreads();
    if (step + STAGES - 1 < steps) {
      fetch_weight(step + STAGES - 1);
      fetch_in(step + STAGES - 1);
    }
    copies_end();
    unsigned stage = base + step % STAGES * STAGE_BYTES;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      unsigned a[TILES_M][4];
      unsigned b[TILES_N / 2][4];
#pragma unroll
      for (int i = 0; i < TILES_M; i++) {
        int line = warp_m + 16 * i + lane % 16;
        load_matrices(stage + piece_place<PIECES>(line, 2 * half + lane / 16), a[i]);
      }
#pragma unroll
      for (int j = 0; j < TILES_N / 2; j++) {
        int line = warp_n + 16 * j + lane / 16 * 8 + lane % 8;
        load_matrices(stage + M * LINE + piece_place<PIECES>(line, 2 * half + lane / 8 % 2), b[j]);
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

  copies_wait_all(); /* zeros beyond the last step may still be on their way */
  __syncthreads(); /* and nobody reads inputs any more */
  float* result = (float*)tiles;
#pragma unroll
  for (int i = 0; i < TILES_M; i++) {
#pragma unroll
    for (int j = 0; j < TILES_N; j++) {
      keep_sums<N>(result, warp_m + 16 * i, warp_n + 8 * j, lane, sum[i][j]);
    }
  }
  __syncthreads();
  finish_tile<M, N, THREADS>(
      result, list + first, tokens - first, column, outputs, epilogue, bias, residual, out);
}
#undef THREADS
#undef WARP_N
#undef TILES_M
#undef TILES_N
#undef PIECES
#undef PIECE
#undef COPIES_IN
#undef COPIES_WEIGHT
#undef STAGE_BYTES
#endif
