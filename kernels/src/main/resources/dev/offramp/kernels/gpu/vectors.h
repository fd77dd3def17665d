/*
 * Four elements at a time. Lines of a width that is a multiple of four are aligned for it; others
 * are read one by one. Elements from n on are not touched and read as zero.
 */
DEVFN void load4_f32(const GLOBAL float* p, int j, int n, float* v) {
  if (n % 4 == 0) {
    const GLOBAL float4* q = (const GLOBAL float4*)(p + j);
    float4 f = *q;
    v[0] = f.x;
    v[1] = f.y;
    v[2] = f.z;
    v[3] = f.w;
  } else {
    UNROLL
    for (int k = 0; k < 4; k++) {
      v[k] = j + k < n ? p[j + k] : 0.0f;
    }
  }
}

#ifdef F16
DEVFN void load4(const GLOBAL ACT* p, int j, int n, float* v) {
  if (n % 4 == 0) {
    LOAD4_ALIGNED(p, j, v);
  } else {
    UNROLL
    for (int k = 0; k < 4; k++) {
      v[k] = j + k < n ? LOAD(p, j + k) : 0.0f;
    }
  }
}
#else
#define load4 load4_f32
#endif

DEVFN void store4(GLOBAL ACT* p, int j, int n, const float* v) {
  if (n % 4 == 0) {
    STORE4_ALIGNED(p, j, v);
  } else {
    UNROLL
    for (int k = 0; k < 4; k++) {
      if (j + k < n) {
        STORE(p, j + k, v[k]);
      }
    }
  }
}

/* The same where j may lie beyond the line. */
DEVFN void load4_upto(const GLOBAL ACT* p, int j, int n, float* v) {
  if (j < n) {
    load4(p, j, n, v);
  } else {
    v[0] = v[1] = v[2] = v[3] = 0.0f;
  }
}

/* sum[i][j .. j + 3] += p * q */
#define PRODUCT(sum, i, j, p, q)                  \
  do {                                            \
    sum[i][(j) + 0] = FMA(p, q.x, sum[i][(j) + 0]); \
    sum[i][(j) + 1] = FMA(p, q.y, sum[i][(j) + 1]); \
    sum[i][(j) + 2] = FMA(p, q.z, sum[i][(j) + 2]); \
    sum[i][(j) + 3] = FMA(p, q.w, sum[i][(j) + 3]); \
  } while (0)

/*
 * Exact GELU as x / 2 + |x| e(|x|), e(a) = erf(a / sqrt 2) / 2: a rational fit within 3e-8 up to
 * 5.55 and 1/2 further out, the same that the jvm device uses.
 */
DEVFN float gelu(float x) {
  float absolute = ABS(x);
  float a = absolute > 5.55f ? 5.55f : absolute; /* NaN stays */
  float s = a * a;
  float p = FMA(2.1951731e-8f, s, 6.5569507e-6f);
  p = FMA(p, s, 0.0001863904f);
  p = FMA(p, s, 0.0047827978f);
  p = FMA(p, s, 0.035486314f);
  p = FMA(p, s, 0.39894193f);
  float q = FMA(1.1896642e-6f, s, 7.975768e-5f);
  q = FMA(q, s, 0.0019822635f);
  q = FMA(q, s, 0.029595954f);
  q = FMA(q, s, 0.2556142f);
  q = FMA(q, s, 1.0f);
  return FMA(absolute, a * DIVIDE(p, q), 0.5f * x);
}

#define BIAS 0
#define BIAS_GELU 1
#define BIAS_RELU 2
#define BIAS_RESIDUAL 3
#define BIAS_RESIDUAL_RELU 4

/* NaN stays. */
DEVFN float relu(float v) {
  return v < 0.0f ? 0.0f : v;
}

DEVFN float activate(int epilogue, float v) {
  if (epilogue == BIAS_GELU) {
    return gelu(v);
  }
  return epilogue == BIAS_RELU ? relu(v) : v;
}

/* The epilogue of four sums with their bias, elements j to j + 3 of lines of n elements. */
DEVFN void finish4(
    int epilogue, float* v, const GLOBAL ACT* residual, GLOBAL ACT* out, int j, int n) {
  UNROLL
  for (int k = 0; k < 4; k++) {
    v[k] = activate(epilogue, v[k]);
  }
  if (epilogue >= BIAS_RESIDUAL) {
    float r[4];
    load4(residual, j, n, r);
    UNROLL
    for (int k = 0; k < 4; k++) {
      v[k] = epilogue == BIAS_RESIDUAL ? v[k] + r[k] : relu(v[k] + r[k]);
    }
  }
  store4(out, j, n, v);
}
