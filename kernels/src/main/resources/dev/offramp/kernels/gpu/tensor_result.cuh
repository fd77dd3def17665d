/*
 * How the kernels of products on tensor cores end. A tile of M x N sums goes through shared memory,
 * so that neighbouring lanes write neighbouring outputs, and the epilogue's code is there once and
 * stays in the instruction cache. Quads of a line are permuted by its number: four lines' pairs of
 * quads lie in different banks.
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
      long to = (long)list[line] * outputs;
      finish4(epilogue, v, residual + to, out + to, n, outputs);
    }
  }
}
