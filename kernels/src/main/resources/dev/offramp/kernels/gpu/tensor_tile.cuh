/*
 * What the kernels of products on tensor cores share: how a block fetches the inputs of its tile, and
 * how it ends.
 *
 * Lines of inputs are PIECES pieces of 16 bytes, four or eight; PIECES of threads fetch a line. The
 * pieces are permuted by the number of the line, or of the pair of lines that fill a row of banks, so
 * that eight lines' pieces lie in different banks.
 */
template <int PIECES>
DEVFN int piece_place(int line, int piece) {
  return (line * PIECES + (piece ^ ((line >> (PIECES == 4)) & (PIECES - 1)))) * 16;
}

/* The line of its tile that is the e-th of those that a thread fetches a piece of. */
template <int PIECES, int THREADS>
DEVFN int fetched_line(int e) {
  return (LANE + e * THREADS) / PIECES;
}

/*
 * Sets out to fetch a thread's pieces of a step: of each of its lines, given by where its piece of
 * the first step is; zeros beyond the last input.
 */
template <int PIECES, int THREADS, int COPIES>
DEVFN void fetch_lines(const ACT* const (&lines)[COPIES], int inputs, int step, unsigned to) {
  int each = 16 / sizeof(ACT); /* elements of a piece */
  int piece = LANE % PIECES;   /* the same for all: THREADS is a multiple of PIECES */
  int k = PIECES * each * step;
  int valid = k + piece * each < inputs;
#pragma unroll
  for (int e = 0; e < COPIES; e++) {
    int line = fetched_line<PIECES, THREADS>(e);
    copy16(to + piece_place<PIECES>(line, piece), lines[e] + (valid ? k : 0), valid);
  }
}

/*
 * A tile of M x N sums goes through shared memory, so that neighbouring lanes write neighbouring
 * outputs, and the epilogue's code is there once and stays in the instruction cache. Quads of a line
 * are permuted by its number: four lines' pairs of quads lie in different banks.
 */
template <int N>
DEVFN int result_place(int line, int quad) {
  return line * N + ((quad ^ ((line & 3) << 1)) << 2);
}

/* Keeps what a lane has of a 16 x 8 product, as mma leaves it, at that line and column. */
template <int N>
DEVFN void keep_sums(float* result, int line, int column, int lane, const float* sum) {
  float* to = result + result_place<N>(line + lane / 4, column / 4 + lane % 4 / 2) + lane % 2 * 2;
  *(float2*)to = make_float2(sum[0], sum[1]);
  *(float2*)(to + 8 * N) = make_float2(sum[2], sum[3]);
}

/* Writes the tile's positions, numbered by list, and outputs from column on, as far as there are. */
template <int M, int N, int THREADS>
DEVFN void finish_tile(
    const float* result,
    const int* list,
    int positions,
    int column,
    int outputs,
    int epilogue,
    const float* bias,
    const ACT* residual,
    ACT* out) {
  int quad = LANE % (N / 4); /* the same for all lines of a thread */
  int n = column + 4 * quad;
  if (n >= outputs) {
    return;
  }
  float add[4];
  load4_f32(bias, n, outputs, add);
#pragma unroll 4
  for (int line = LANE / (N / 4); line < M; line += THREADS * 4 / N) {
    if (line < positions) {
      float4 r = *(const float4*)(result + result_place<N>(line, quad));
      float v[4] = {r.x + add[0], r.y + add[1], r.z + add[2], r.w + add[3]};
      LONG to = (LONG)list[line] * outputs;
      finish4(epilogue, v, residual + to, out + to, n, outputs);
    }
  }
}
