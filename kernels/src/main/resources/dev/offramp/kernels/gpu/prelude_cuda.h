/* CUDA C++, for nvcc and for NVRTC without any header. */
#define KERNEL extern "C" __global__
#define DEVFN static __device__ __forceinline__
#define GLOBAL
#define LOCAL __shared__
#define LOCALPTR
#define LONG long long /* 64 bits, as places in memory need; long has 32 on Windows */
#define UNROLL _Pragma("unroll")
#define UNROLL_FOUR _Pragma("unroll 4")
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
#define DIVIDE(a, b) __fdividef(a, b) /* 2 units in the last place */
#define IS_NAN(x) ((x) != (x))
#define NAN_F __int_as_float(0x7fffffff)
#define INF_F __int_as_float(0x7f800000)
#define FLOAT4(a, b, c, d) make_float4(a, b, c, d)
#define TEAM_ITEMS 256 /* most items of a group that is made of teams */

/*
 * Where kernels overlap, one starts while the one before it still runs, and waits here until that is
 * done and what it wrote can be seen; the next one may start then. What an earlier kernel writes is
 * not read-only for as long as this one runs, so nothing may be declared so.
 */
#ifdef OVERLAP
#define RESTRICT
#define AWAIT_EARLIER() \
  asm volatile("griddepcontrol.wait;\ngriddepcontrol.launch_dependents;" ::: "memory")
#else
#define RESTRICT __restrict__
#define AWAIT_EARLIER()
#endif

/* Activations: half in memory where F16 is set, float in registers. */
#ifdef F16
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

/* Two in one word, the first in its lower half. */
DEVFN unsigned halves(float a, float b) {
  return float_to_half(a) | (unsigned)float_to_half(b) << 16;
}

#define ACT unsigned short
#define LOAD(p, i) half_to_float((p)[i])
#define STORE(p, i, v) ((p)[i] = float_to_half(v))
#define LOAD4_ALIGNED(p, j, v) load4_half((p) + (j), v)
#define STORE4_ALIGNED(p, j, v) store4_half((p) + (j), v)

DEVFN void load4_half(const unsigned short* p, float* v) {
  ushort4 h = *(const ushort4*)p;
  v[0] = half_to_float(h.x);
  v[1] = half_to_float(h.y);
  v[2] = half_to_float(h.z);
  v[3] = half_to_float(h.w);
}

DEVFN void store4_half(unsigned short* p, const float* v) {
  *(ushort4*)p =
      make_ushort4(
          float_to_half(v[0]), float_to_half(v[1]), float_to_half(v[2]), float_to_half(v[3]));
}
#else
#define ACT float
#define LOAD(p, i) ((p)[i])
#define STORE(p, i, v) ((p)[i] = (v))
#define STORE4_ALIGNED(p, j, v) (*(float4*)((p) + (j)) = make_float4((v)[0], (v)[1], (v)[2], (v)[3]))
#endif

/* Sum over the 32 lanes of each team, which is a warp. */
DEVFN float team_sum(float v, float* scratch) {
  for (int step = 16; step > 0; step /= 2) {
    v += __shfl_xor_sync(0xffffffffu, v, step);
  }
  return v;
}

DEVFN float team_max(float v, float* scratch) {
  for (int step = 16; step > 0; step /= 2) {
    v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, step));
  }
  return v;
}

/* What the lane that is step further holds; what is beyond the team means nothing. */
DEVFN float team_next(float v, int step, float* scratch) {
  return __shfl_down_sync(0xffffffffu, v, step);
}

#define SCAN 256

/* Sums over the items of a group of SCAN up to and with this one, and over all; two at once. */
DEVFN void group_scan(int* a, int* b, int* all_a, int* all_b, int* scratch) {
  int lane = LANE % 32;
  int warp = LANE / 32;
  for (int step = 1; step < 32; step *= 2) {
    int s = __shfl_up_sync(0xffffffffu, *a, step);
    int t = __shfl_up_sync(0xffffffffu, *b, step);
    *a += lane >= step ? s : 0;
    *b += lane >= step ? t : 0;
  }
  if (lane == 31) {
    scratch[warp] = *a;
    scratch[SCAN + warp] = *b;
  }
  __syncthreads();
  *all_a = 0;
  *all_b = 0;
  for (int w = 0; w < SCAN / 32; w++) {
    *a += w < warp ? scratch[w] : 0;
    *b += w < warp ? scratch[SCAN + w] : 0;
    *all_a += scratch[w];
    *all_b += scratch[SCAN + w];
  }
}
