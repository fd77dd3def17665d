/*
 * For OpenCL devices that are processors: a work item does a vector's work, sixteen floats at a
 * time, and there are no barriers. Weights lie in panels of 32 outputs: (outputs / 32, inputs, 32),
 * the last panel filled up with zeros; so is the bias.
 */
#define PANEL 32

DEVFN float16 gelu16(float16 x) {
  float16 absolute = fabs(x);
  float16 a = select(absolute, (float16)(5.55f), absolute > 5.55f); /* NaN stays */
  float16 s = a * a;
  float16 p = fma((float16)(2.1951731e-8f), s, (float16)(6.5569507e-6f));
  p = fma(p, s, (float16)(0.0001863904f));
  p = fma(p, s, (float16)(0.0047827978f));
  p = fma(p, s, (float16)(0.035486314f));
  p = fma(p, s, (float16)(0.39894193f));
  float16 q = fma((float16)(1.1896642e-6f), s, (float16)(7.975768e-5f));
  q = fma(q, s, (float16)(0.0019822635f));
  q = fma(q, s, (float16)(0.029595954f));
  q = fma(q, s, (float16)(0.2556142f));
  q = fma(q, s, (float16)(1.0f));
  return fma(absolute, a * (p / q), 0.5f * x);
}

/* NaN stays. */
DEVFN float16 relu16(float16 v) {
  return select(v, (float16)(0.0f), v < 0.0f);
}

/* Sixteen elements, or the first n of them and zeros. */
DEVFN float16 load16(const GLOBAL ACT* p, int n) {
  if (n >= 16) {
    return VLOAD16(p);
  }
  float v[16];
  for (int k = 0; k < 16; k++) {
    v[k] = k < n ? LOAD(p, k) : 0.0f;
  }
  return vload16(0, v);
}

#ifdef F16
DEVFN float16 load16_f32(const GLOBAL float* p, int n) {
  if (n >= 16) {
    return vload16(0, p);
  }
  float v[16];
  for (int k = 0; k < 16; k++) {
    v[k] = k < n ? p[k] : 0.0f;
  }
  return vload16(0, v);
}
#else
#define load16_f32 load16
#endif

DEVFN void store16(GLOBAL ACT* p, int n, float16 x) {
  if (n >= 16) {
    VSTORE16(x, p);
  } else {
    float v[16];
    vstore16(x, 0, v);
    for (int k = 0; k < n; k++) {
      STORE(p, k, v[k]);
    }
  }
}

#ifdef F16
DEVFN void store16_f32(GLOBAL float* p, int n, float16 x) {
  if (n >= 16) {
    vstore16(x, 0, p);
  } else {
    float v[16];
    vstore16(x, 0, v);
    for (int k = 0; k < n; k++) {
      p[k] = v[k];
    }
  }
}
#else
#define store16_f32 store16
#endif

/* The epilogue of sums with their bias, the first n of them. */
DEVFN void finish16(
    int epilogue, float16 v, const GLOBAL ACT* residual, GLOBAL ACT* out, int n) {
  if (epilogue == BIAS_GELU) {
    v = gelu16(v);
  } else if (epilogue >= BIAS_RESIDUAL) {
    v += load16(residual, n);
  }
  if (epilogue == BIAS_RELU || epilogue == BIAS_RESIDUAL_RELU) {
    v = relu16(v);
  }
  store16(out, n, v);
}

#define INDEX16 ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

/* The first n elements, zeros beyond. */
DEVFN float16 first16(float16 v, int n) {
  return select((float16)(0.0f), v, INDEX16 < n);
}

/* The largest element; NaN is none. */
DEVFN float max16(float16 v) {
  float8 a = fmax(v.lo, v.hi);
  float4 b = fmax(a.lo, a.hi);
  return fmax(fmax(b.x, b.y), fmax(b.z, b.w));
}

DEVFN float sum16(float16 v) {
  float8 a = v.lo + v.hi;
  float4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}
