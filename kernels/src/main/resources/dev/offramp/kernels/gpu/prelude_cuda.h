/* CUDA C++, for nvcc and for NVRTC without any header. */
#define KERNEL extern "C" __global__
#define DEVFN static __device__ __forceinline__
#define GLOBAL
#define LOCAL __shared__
#define RESTRICT __restrict__
#define LANE ((int)threadIdx.x)
#define TEAM ((int)threadIdx.y)
#define LANES ((int)blockDim.x)
#define TEAMS ((int)blockDim.y)
#define GROUP ((int)blockIdx.x)
#define GROUP_Y ((int)blockIdx.y)
#define GROUPS ((int)gridDim.x)
#define BARRIER() __syncthreads()
#define BARRIER_GLOBAL() __syncthreads()
#define FMA(a, b, c) fmaf(a, b, c)
#define EXP(x) expf(x)
#define LOG(x) logf(x)
#define SQRT(x) sqrtf(x)
#define MAX(a, b) fmaxf(a, b)
#define ABS(x) fabsf(x)
#define IS_NAN(x) ((x) != (x))

DEVFN float half_to_float(unsigned short h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
}

DEVFN unsigned short float_to_half(float f) {
  unsigned short h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
}

/* Activations: half in memory where F16 is set, float in registers. */
#ifdef F16
#define ACT unsigned short
#define LOAD(p, i) half_to_float((p)[i])
#define STORE(p, i, v) ((p)[i] = float_to_half(v))
#else
#define ACT float
#define LOAD(p, i) ((p)[i])
#define STORE(p, i, v) ((p)[i] = (v))
#endif
