/*
 * The entry points of libcuda and libcublas that the bench peer jcuda calls, on a processor: memory
 * is the host's, products are computed, and the kernels of jcuda_peer.cu are run as they stand, a
 * block at a time, its threads as coroutines that take turns at barriers and shuffles. Calls on
 * addresses that nobody allocated fail; a barrier that only some threads reach ends the process.
 */
#include "../../../../kernels/src/test/c/emulated_cuda.h"

#define rsqrtf(x) (1.0f / sqrtf(x))
#include "../../main/resources/dev/offramp/runtime/bench/jcuda_peer.cu"

static void start_block(int) {}
static void end_thread() {}
#define KERNELS                                                                          \
  KERNEL_OF(embed) KERNEL_OF(add_norm) KERNEL_OF(add_bias) KERNEL_OF(softmax) KERNEL_OF(pool) \
  KERNEL_OF(judge)
#include "../../../../kernels/src/test/c/emulated_launch.h"

static const int THREADS = 128; /* of every block */

/* ---- libcuda ---- */

/* Contexts, modules, handles and blocks of memory that have not been freed. */
static int alive;
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
  allocated((uintptr_t)*address, bytes);
  alive++;
  return 0;
}
EXPORT int cuMemFree_v2(char* address) {
  if (!allocations.erase((uintptr_t)address)) return 1;
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
  if (!is_allocated(on_device, bytes)) return 1;
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
  static int launches;
  if (gx < 1 || gy != 1 || gz != 1 || bx != THREADS || by != 1 || bz != 1 || shared || extra) {
    return 1;
  }
  const char* failure = emulate(
      function->name, gx, gy, bx, by, shared, arguments, function->parameters, launches++);
  if (failure) {
    fprintf(stderr, "fakegpu: %s\n", failure);
    abort();
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
  if (!is_allocated(a, 4 * a_size) || !is_allocated(b, 4 * b_size) || !is_allocated(c, 4 * c_size)) return 13;
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
  if (!is_allocated(a, bytes) || !is_allocated(b, bytes) || !is_allocated(c, bytes)) return 13;
  for (int i = 0; i < count; i++) {
    int code =
        cublasSgemm_v2(handle, ta, tb, m, n, k, alpha, a[i], lda, b[i], ldb, beta, c[i], ldc);
    if (code) return code;
  }
  return 0;
}
