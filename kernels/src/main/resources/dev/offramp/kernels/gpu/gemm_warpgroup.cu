/*
 * out = epilogue(W in + bias) at each valid position, by products of four warps that read both
 * factors from shared memory; sums in float. A block makes a tile of M positions and N outputs, each
 * of its warp groups 64 positions of it; tiles of inputs are WIDE_LINE bytes deep and WIDE_STAGES of
 * them are on their way at a time. Lines must be multiples of 16 bytes.
 *   weight: (outputs, inputs), in: (.., inputs), residual and out: (.., outputs)
 * Two blocks share a multiprocessor where the tile allows it: one's epilogue hides behind the other.
 */
#define WIDE_LINE 128
#define WIDE_STAGES 3
#define THREADS (2 * M)
#define PIECES (WIDE_LINE / 16) /* of a line of a tile */
#define PIECE 8 /* elements in 16 bytes */
#define COPIES_IN (M * PIECES / THREADS)
#define COPIES_WEIGHT (N * PIECES / THREADS)
#define STAGE_BYTES ((M + N) * WIDE_LINE)
#define OUTPUTS_EACH (N < 128 ? N : 128) /* outputs of a product of a warp group */
#define PRODUCTS (N / OUTPUTS_EACH)

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
  extern __shared__ __align__(1024) unsigned char wide_tiles[];
  int first = GROUP_Y * M;
  int column = GROUP * N;
  int group = LANE / 128;
  unsigned base = shared_address(wide_tiles);
  if (base % 1024 != 0) {
    __trap(); /* pieces are permuted by their address */
  }
  int steps = (inputs + PIECES * PIECE - 1) / (PIECES * PIECE);

  const ACT* weight_line[COPIES_WEIGHT];
#pragma unroll
  for (int e = 0; e < COPIES_WEIGHT; e++) {
    int n = column + fetched_line<PIECES, THREADS>(e);
    weight_line[e] = weight + (LONG)(n < outputs ? n : 0) * inputs + LANE % PIECES * PIECE;
  }
  auto fetch_weight = [&](int step) {
    unsigned to = base + step % WIDE_STAGES * STAGE_BYTES + M * WIDE_LINE;
    fetch_lines<PIECES, THREADS>(weight_line, inputs, step, to);
  };
  /* Weights depend on no earlier kernel: they set out before the table of live rows is read. */
#pragma unroll
  for (int step = 0; step < WIDE_STAGES - 1; step++) {
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
    fetch_lines<PIECES, THREADS>(in_line, inputs, step, base + step % WIDE_STAGES * STAGE_BYTES);
  };

  float sum[PRODUCTS][OUTPUTS_EACH / 2];
#pragma unroll
  for (int p = 0; p < PRODUCTS; p++) {
#pragma unroll
    for (int i = 0; i < OUTPUTS_EACH / 2; i++) {
      sum[p][i] = 0.0f;
    }
  }
#pragma unroll
  for (int step = 0; step < WIDE_STAGES - 1; step++) {
    fetch_in(step);
    copies_end();
  }
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    copies_wait<WIDE_STAGES - 2>();
    products_may_read();
    __syncthreads(); /* the step's tiles are there, and nobody reads the former step's any more */
    unsigned stage = base + step % WIDE_STAGES * STAGE_BYTES;
    unsigned long long a = matrix_at(stage + group * 64 * WIDE_LINE);
    unsigned long long b = matrix_at(stage + M * WIDE_LINE);
    products_begin();
#pragma unroll
    for (int k = 0; k < 4; k++) {
#pragma unroll
      for (int p = 0; p < PRODUCTS; p++) {
        /* Sixteen halves further, and OUTPUTS_EACH lines further, in units of 16 bytes. */
        multiply_group(sum[p], a + 2 * k, b + 2 * k + p * (OUTPUTS_EACH * WIDE_LINE >> 4));
      }
    }
    if (step + WIDE_STAGES - 1 < steps) {
      fetch_weight(step + WIDE_STAGES - 1);
      fetch_in(step + WIDE_STAGES - 1);
    }
    copies_end();
    products_wait(sum);
  }

  copies_wait_all(); /* zeros beyond the last step may still be on their way */
  __syncthreads(); /* and nobody reads inputs any more */
  float* result = (float*)wide_tiles;
  int lane = LANE % 32;
  int line = LANE / 32 * 16;
#pragma unroll
  for (int p = 0; p < PRODUCTS; p++) {
#pragma unroll
    for (int j = 0; j < OUTPUTS_EACH / 8; j++) {
      keep_sums<N>(result, line, p * OUTPUTS_EACH + 8 * j, lane, sum[p] + 4 * j);
    }
  }
  __syncthreads();
  finish_tile<M, N, THREADS>(
      result, list + first, tokens - first, column, outputs, epilogue, bias, residual, out);
}
#undef WIDE_LINE
#undef WIDE_STAGES
#undef THREADS
#undef PIECES
#undef PIECE
#undef COPIES_IN
#undef COPIES_WEIGHT
#undef STAGE_BYTES
#undef OUTPUTS_EACH
#undef PRODUCTS
