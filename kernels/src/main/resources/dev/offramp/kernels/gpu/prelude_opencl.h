/* OpenCL C 1.2 and later. */
#define KERNEL __kernel
/* A function that stays one may keep local memory for itself in PoCL 3.1, shared by all threads. */
#define DEVFN static inline __attribute__((always_inline))
#define GLOBAL __global
#define LOCAL __local
#define LOCALPTR __local
#define LONG long /* 64 bits, as places in memory need */
#define RESTRICT restrict
#define AWAIT_EARLIER() /* one kernel runs after the other */
#define UNROLL _Pragma("unroll")
#define UNROLL_FOUR _Pragma("unroll 4")
#define LANE ((int)get_local_id(0))
#define TEAM ((int)get_local_id(1))
#define LANES ((int)get_local_size(0))
#define TEAMS ((int)get_local_size(1))
#define GROUP ((int)get_group_id(0))
#define GROUP_Y ((int)get_group_id(1))
#define GROUPS ((int)get_num_groups(0))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define BARRIER_GLOBAL() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define FMA(a, b, c) fma(a, b, c)
#define EXP(x) exp(x)
#define LOG(x) log(x)
#define SQRT(x) sqrt(x)
#define MAX(a, b) fmax(a, b)
#define ABS(x) fabs(x)
#define DIVIDE(a, b) ((a) / (b))
#define IS_NAN(x) ((x) != (x))
#define NAN_F NAN
#define INF_F INFINITY
#define FLOAT4(a, b, c, d) ((float4)(a, b, c, d))
#define TEAM_ITEMS 256 /* most items of a group that is made of teams */

/* Activations: half in memory where F16 is set, float in registers. */
#ifdef F16
#define ACT half
#define LOAD(p, i) vload_half(i, p)
#define STORE(p, i, v) vstore_half(v, i, p)
#define VLOAD16(p) vload_half16(0, p)
#define VSTORE16(v, p) vstore_half16(v, 0, p)
#define LOAD4_ALIGNED(p, j, v) vstore4(vload_half4(0, (p) + (j)), 0, v)
#define STORE4_ALIGNED(p, j, v) vstore_half4(vload4(0, v), 0, (p) + (j))
#else
#define ACT float
#define LOAD(p, i) ((p)[i])
#define STORE(p, i, v) ((p)[i] = (v))
#define VLOAD16(p) vload16(0, p)
#define VSTORE16(v, p) vstore16(v, 0, p)
#define STORE4_ALIGNED(p, j, v) vstore4(vload4(0, v), 0, (p) + (j))
#endif

/*
 * The 32 lanes of each team joined by halves: 16 with 16, 8 with 8, and so on, with as few barriers
 * as can be, since each of them awaits the whole group. Every item of the group must take part.
 */
#define TEAM_FOLD(name, JOIN) \
  DEVFN float name(float v, LOCALPTR float* scratch) { \
    LOCALPTR float* own = scratch + TEAM * 32; \
    int at = LANE; \
    BARRIER(); \
    own[at] = v; \
    BARRIER(); \
    if (at < 8) { \
      own[at] = JOIN(JOIN(own[at], own[at + 16]), JOIN(own[at + 8], own[at + 24])); \
    } \
    BARRIER(); \
    return JOIN( \
        JOIN(JOIN(own[0], own[4]), JOIN(own[2], own[6])), \
        JOIN(JOIN(own[1], own[5]), JOIN(own[3], own[7]))); \
  }

#define ADD(a, b) ((a) + (b))

TEAM_FOLD(team_sum, ADD)
TEAM_FOLD(team_max, MAX)

/* What the lane that is step further holds; what is beyond the team means nothing. */
DEVFN float team_next(float v, int step, LOCALPTR float* scratch) {
  BARRIER();
  scratch[TEAM * 32 + LANE] = v;
  BARRIER();
  return scratch[TEAM * 32 + (LANE + step) % 32];
}

#define SCAN 256

/* Sums over the items of a group of SCAN up to and with this one, and over all; two at once. */
DEVFN void group_scan(int* a, int* b, int* all_a, int* all_b, LOCALPTR int* scratch) {
  scratch[LANE] = *a;
  scratch[SCAN + LANE] = *b;
  BARRIER();
  for (int step = 1; step < SCAN; step *= 2) {
    int s = LANE >= step ? scratch[LANE - step] : 0;
    int t = LANE >= step ? scratch[SCAN + LANE - step] : 0;
    BARRIER();
    scratch[LANE] += s;
    scratch[SCAN + LANE] += t;
    BARRIER();
  }
  *a = scratch[LANE];
  *b = scratch[SCAN + LANE];
  *all_a = scratch[SCAN - 1];
  *all_b = scratch[2 * SCAN - 1];
}
