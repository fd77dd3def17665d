/*
 * The entry points of libcuda and libcublas that the bench peer jcuda calls, on a processor: memory
 * is the host's, products are computed, and the kernels of jcuda_peer.cu are run as they stand, a
 * block at a time, its threads as coroutines that take turns at barriers and shuffles. Calls on
 * addresses that nobody allocated fail; a barrier that only some threads reach ends the process.
 */
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <setjmp.h>
#include <ucontext.h>
#include <utility>

#define EXPORT extern "C" __attribute__((visibility("default")))

/* ---- CUDA C ---- */

struct dim {
  int x;
};
static dim threadIdx, blockIdx, blockDim;

static const int MOST = 128; /* threads of a block */
static const size_t STACK = 64 << 10;
enum state { AT_BARRIER, AT_SHUFFLE, DONE };
static jmp_buf scheduler, threads[MOST]; /* those of ucontext.h cost a system call a switch */
static state states[MOST];
static float shuffled[2][MOST]; /* in turns, so that nobody overwrites what is still to be read */
static int turns[MOST];

static void wait_at(state where) {
  int self = threadIdx.x;
  states[self] = where;
  if (!_setjmp(threads[self])) _longjmp(scheduler, 1);
}

static void __syncthreads() { wait_at(AT_BARRIER); }

static float __shfl_xor_sync(unsigned, float v, int mask) {
  int self = threadIdx.x;
  int turn = turns[self] ^= 1;
  shuffled[turn][self] = v;
  wait_at(AT_SHUFFLE);
  return shuffled[turn][self ^ mask];
}

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define rsqrtf(x) (1.0f / sqrtf(x))
#include "../../main/resources/dev/offramp/runtime/bench/jcuda_peer.cu"

/* ---- kernels by name ---- */

template <class... P, size_t... I>
static void call(void (*f)(P...), void** arguments, std::index_sequence<I...>) {
  f(*(P*)arguments[I]...);
}

template <class... P>
static void call(void (*f)(P...), void** arguments) {
  call(f, arguments, std::index_sequence_for<P...>());
}

struct kernel {
  const char* name;
  void (*run)(void**);
};

#define KERNEL(name) \
  { #name, [](void** arguments) { call(name, arguments); } }
static kernel kernels[] = {
    KERNEL(embed), KERNEL(add_norm), KERNEL(add_bias), KERNEL(softmax), KERNEL(pool), KERNEL(judge)};

static kernel* running;
static void** running_arguments;

/* A thread, block after block. */
static void thread_main() {
  wait_at(DONE);
  while (true) {
    running->run(running_arguments);
    wait_at(DONE);
  }
}

static void resume(int thread) {
  threadIdx.x = thread;
  if (!_setjmp(scheduler)) _longjmp(threads[thread], 1);
}

static void start_threads() {
  for (int t = 0; t < MOST; t++) {
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = malloc(STACK);
    context.uc_stack.ss_size = STACK;
    makecontext(&context, thread_main, 0);
    threadIdx.x = t;
    if (!_setjmp(scheduler)) setcontext(&context);
  }
}

static void run_block(int count) {
  for (int t = 0; t < count; t++) states[t] = AT_SHUFFLE;
  for (bool alive = true; alive;) {
    alive = false;
    bool barrier = false, shuffle = false;
    for (int t = 0; t < count; t++) {
      if (states[t] == DONE) continue;
      resume(t);
      barrier |= states[t] == AT_BARRIER;
      shuffle |= states[t] == AT_SHUFFLE;
      alive |= states[t] != DONE;
    }
    for (int t = 0; t < count; t++) {
      if (states[t] != states[t / 32 * 32] || (barrier && shuffle)) {
        fprintf(stderr, "fakegpu: threads of %s part at a barrier or shuffle\n", running->name);
        abort();
      }
    }
  }
}

/* ---- memory ---- */

static std::map<char*, size_t> device_memory;
static int alive;

static bool allocated(const void* address, size_t bytes) {
  auto after = device_memory.upper_bound((char*)address);
  if (after == device_memory.begin()) return false;
  --after;
  return (char*)address + bytes <= after->first + after->second;
}

/* ---- libcuda ---- */

/* Contexts, modules, handles and blocks of memory that have not been freed. */
EXPORT int fake_alive() { return alive; }

EXPORT int cuInit(unsigned) { return 0; }
EXPORT int cuDeviceGet(int* device, int number) {
  *device = 40 + number;
  return number == 0 ? 0 : 101;
}
EXPORT int cuDeviceGetName(char* name, int bytes, int) {
  snprintf(name, bytes, "Fake GPU");
  return 0;
}
EXPORT int cuDevicePrimaryCtxRetain(void** context, int) {
  *context = kernels;
  alive++;
  return 0;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int) {
  alive--;
  return 0;
}
EXPORT int cuCtxSetCurrent(void* context) { return context == kernels ? 0 : 201; }
EXPORT int cuCtxSynchronize() { return 0; }
EXPORT int cuModuleLoadData(void** module, const char* image) {
  if (!strstr(image, "\n.version ")) return 200;
  *module = kernels;
  alive++;
  return 0;
}
EXPORT int cuModuleUnload(void*) {
  alive--;
  return 0;
}
EXPORT int cuModuleGetFunction(void** function, void*, const char* name) {
  for (kernel& k : kernels) {
    if (!strcmp(k.name, name)) {
      *function = &k;
      return 0;
    }
  }
  return 500;
}
EXPORT int cuMemAlloc_v2(char** address, size_t bytes) {
  if (bytes == 0) return 1;
  *address = (char*)malloc(bytes);
  memset(*address, 0xff, bytes); /* NaN */
  device_memory[*address] = bytes;
  alive++;
  return 0;
}
EXPORT int cuMemFree_v2(char* address) {
  if (!device_memory.erase(address)) return 1;
  free(address);
  alive--;
  return 0;
}
EXPORT int cuMemAllocHost_v2(void** address, size_t bytes) {
  *address = malloc(bytes);
  alive++;
  return 0;
}
EXPORT int cuMemFreeHost(void* address) {
  free(address);
  alive--;
  return 0;
}
static int copy(void* target, const void* source, size_t bytes, const void* on_device) {
  if (!allocated(on_device, bytes)) return 1;
  memcpy(target, source, bytes);
  return 0;
}
EXPORT int cuMemcpyHtoD_v2(void* target, const void* source, size_t bytes) {
  return copy(target, source, bytes, target);
}
EXPORT int cuMemcpyDtoH_v2(void* target, const void* source, size_t bytes) {
  return copy(target, source, bytes, source);
}
EXPORT int cuMemcpyHtoDAsync_v2(void* target, const void* source, size_t bytes, void*) {
  return copy(target, source, bytes, target);
}
EXPORT int cuMemcpyDtoHAsync_v2(void* target, const void* source, size_t bytes, void*) {
  return copy(target, source, bytes, source);
}
EXPORT int cuLaunchKernel(
    kernel* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, void*, void** arguments, void** extra) {
  if (gx < 1 || gy != 1 || gz != 1 || bx != MOST || by != 1 || bz != 1 || shared || extra) return 1;
  static bool started;
  if (!started) start_threads();
  started = true;
  running = function;
  running_arguments = arguments;
  blockDim.x = bx;
  for (unsigned b = 0; b < gx; b++) {
    blockIdx.x = b;
    run_block(bx);
  }
  return 0;
}

/* ---- libcublas, in its column-major order ---- */

EXPORT int cublasCreate_v2(void** handle) {
  *handle = malloc(1);
  alive++;
  return 0;
}
EXPORT int cublasDestroy_v2(void* handle) {
  free(handle);
  alive--;
  return 0;
}
EXPORT int cublasGetVersion_v2(void*, int* version) {
  *version = 120603;
  return 0;
}
EXPORT int cublasSgemm_v2(
    void*, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda,
    const float* b, int ldb, const float* beta, float* c, int ldc) {
  size_t a_size = (ta ? m - 1 : k - 1) * (size_t)lda + (ta ? k : m);
  size_t b_size = (tb ? k - 1 : n - 1) * (size_t)ldb + (tb ? n : k);
  size_t c_size = (n - 1) * (size_t)ldc + m;
  if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || *beta != 0) return 7;
  if (!allocated(a, 4 * a_size) || !allocated(b, 4 * b_size) || !allocated(c, 4 * c_size)) return 13;
  for (int j = 0; j < n; j++) {
    for (int i = 0; i < m; i++) {
      double sum = 0;
      for (int l = 0; l < k; l++) {
        sum += (double)a[ta ? l + (long)i * lda : i + (long)l * lda]
            * b[tb ? j + (long)l * ldb : l + (long)j * ldb];
      }
      c[i + (long)j * ldc] = (float)(*alpha * sum);
    }
  }
  return 0;
}
EXPORT int cublasSgemmBatched(
    void* handle, int ta, int tb, int m, int n, int k, const float* alpha, const float** a, int lda,
    const float** b, int ldb, const float* beta, float** c, int ldc, int count) {
  size_t bytes = count * sizeof(float*);
  if (!allocated(a, bytes) || !allocated(b, bytes) || !allocated(c, bytes)) return 13;
  for (int i = 0; i < count; i++) {
    int code =
        cublasSgemm_v2(handle, ta, tb, m, n, k, alpha, a[i], lda, b[i], ldb, beta, c[i], ldc);
    if (code) return code;
  }
  return 0;
}
