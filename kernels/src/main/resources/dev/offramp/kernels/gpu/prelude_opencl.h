/* OpenCL C 1.2 and later. */
#define KERNEL __kernel
#define DEVFN static inline
#define GLOBAL __global
#define LOCAL __local
#define RESTRICT restrict
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
#define IS_NAN(x) ((x) != (x))

/* Activations: half in memory where F16 is set, float in registers. */
#ifdef F16
#define ACT half
#define LOAD(p, i) vload_half(i, p)
#define STORE(p, i, v) vstore_half(v, i, p)
#else
#define ACT float
#define LOAD(p, i) ((p)[i])
#define STORE(p, i, v) ((p)[i] = (v))
#endif
