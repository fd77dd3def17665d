#if defined(F16) || __CUDA_ARCH__ >= 800 /* TF32 began there */
/*
 * out = epilogue(W in + bias) at each valid position, on tensor cores with sums in float. A block
 * makes a tile of M positions and N outputs with WARPS_M x WARPS_N warps; tiles of inputs are LINE
 * bytes deep and STAGES of them are on their way at a time. Lines must be multiples of 16 bytes.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 * Lines of a tile are 64 bytes, two to a row of banks. Their 16-byte pieces are permuted by the
 * number of the pair of lines, so that eight lines' pieces lie in different banks.
 */
#define THREADS (32 * WARPS_M * WARPS_N)
#define WARP_N (N / WARPS_N)
#define TILES_M (M / WARPS_M / 16)
#define TILES_N (WARP_N / 8)
#define PIECE ((int)(16 / sizeof(ACT))) /* elements in 16 bytes */
#define COPIES_IN (M * 4 / THREADS)
#define COPIES_WEIGHT (N * 4 / THREADS)
#define STAGE_BYTES ((M + N) * LINE)
#define PLACE(line, piece) ((line) * LINE + (((piece) ^ (((line) >> 1) & 3)) << 4))
#define RESULT_LINE (WARP_N + 8) /* floats; padded so that four lines lie in different banks */

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
  int warp_n = warp % WARPS_N * WARP_N;
  unsigned base = shared_address(tiles);
  int piece = LANE % 4; /* the same for all copies of a thread: THREADS is a multiple of 4 */

  const ACT* in_line[COPIES_IN];
  const ACT* weight_line[COPIES_WEIGHT];
#pragma unroll
  for (int e = 0; e < COPIES_IN; e++) {
    int m = first + (LANE + e * THREADS) / 4;
    in_line[e] = in + (long)list[m < tokens ? m : first] * inputs + piece * PIECE;
  }
#pragma unroll
  for (int e = 0; e < COPIES_WEIGHT; e++) {
    int n = column + (LANE + e * THREADS) / 4;
    weight_line[e] = weight + (long)(n < outputs ? n : 0) * inputs + piece * PIECE;
  }

  int steps = (inputs + 4 * PIECE - 1) / (4 * PIECE);
  auto fetch = [&](int step) {
    if (step < steps) {
      int k = 4 * PIECE * step;
      int valid = k + piece * PIECE < inputs;
      k = valid ? k : 0;
      unsigned to = base + step % STAGES * STAGE_BYTES;
#pragma unroll
      for (int e = 0; e < COPIES_IN; e++) {
        copy16(to + PLACE((LANE + e * THREADS) / 4, piece), in_line[e] + k, valid);
      }
      to += M * LINE;
#pragma unroll
      for (int e = 0; e < COPIES_WEIGHT; e++) {
        copy16(to + PLACE((LANE + e * THREADS) / 4, piece), weight_line[e] + k, valid);
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
#pragma unroll 1
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

  /*
   * Sixteen positions of each warp at a time go through local memory, so that neighbouring lanes
   * write neighbouring outputs, and the epilogue's code is small enough for the instruction cache.
   */
  __syncthreads();
  float* result = (float*)tiles + warp * 16 * RESULT_LINE;
  int reads = lane / (WARP_N / 4); /* line that this lane reads first */
  int n = lane % (WARP_N / 4) * 4;
  float add[4];
  load4_f32_upto(bias, column + warp_n + n, outputs, add);
#pragma unroll
  for (int i = 0; i < TILES_M; i++) {
#pragma unroll
    for (int j = 0; j < TILES_N; j++) {
      float* to = result + lane / 4 * RESULT_LINE + 8 * j + lane % 4 * 2;
      *(float2*)to = make_float2(sum[i][j][0], sum[i][j][1]);
      *(float2*)(to + 8 * RESULT_LINE) = make_float2(sum[i][j][2], sum[i][j][3]);
    }
    __syncwarp();
#pragma unroll 1
    for (int line = reads; line < 16; line += 128 / WARP_N) {
      int m = first + warp_m + 16 * i + line;
      if (m < tokens && column + warp_n + n < outputs) {
        float4 r = *(const float4*)(result + line * RESULT_LINE + n);
        float v[4] = {r.x + add[0], r.y + add[1], r.z + add[2], r.w + add[3]};
        long to = (long)list[m] * outputs;
        finish4(epilogue, v, residual + to, out + to, column + warp_n + n, outputs);
      }
    }
    __syncwarp();
  }
}
#undef THREADS
#undef WARP_N
#undef TILES_M
#undef TILES_N
#undef PIECE
#undef COPIES_IN
#undef COPIES_WEIGHT
#undef STAGE_BYTES
#undef PLACE
#undef RESULT_LINE
#endif
