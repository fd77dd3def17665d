/*
 * CUDA C on a processor, for the kernels as they stand: this file, then the program's text, then
 * emulated_launch.h. Blocks run one after the other, a block's threads as coroutines.
 *
 * What a GPU leaves open is chosen by a seed for each launch, so that a kernel that relies on luck is
 * found: the order of blocks, which warp runs how far ahead of the others (each runs to its next
 * barrier before another one moves), and whether copies past the registers arrive at once or only
 * when they are waited for. A block's shared memory starts as NaN.
 */
#include <cmath>
#include <csetjmp>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <ucontext.h>
#include <utility>
#include <vector>

/* No program calls all that is here. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

struct dim {
  int x, y;
};
static dim threadIdx, blockIdx, blockDim, gridDim;

/* ---- threads ---- */

static const int MOST_THREADS = 512;
static const size_t STACK_BYTES = 64 << 10;
static const size_t SHARED_BYTES = 227 << 10;

/* What threads wait for together: all of a block, or of a warp. */
enum state { RUNNING, AT_BARRIER, AT_WARP, DONE };
static jmp_buf scheduler, threads[MOST_THREADS]; /* ucontext.h's cost a system call a switch */
static state states[MOST_THREADS];
static const char* places[MOST_THREADS]; /* what they wait in */
static int self;                         /* number of the thread that runs */
static bool late;                        /* copies arrive when they are waited for */
static char failure[256];
static jmp_buf failed;

[[noreturn]] static void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure, sizeof failure, format, arguments);
  va_end(arguments);
  _longjmp(failed, 1);
}

__attribute__((noinline)) static void wait_at(state where, const char* place) {
  states[self] = where;
  places[self] = place;
  if (!_setjmp(threads[self])) _longjmp(scheduler, 1);
}

/* That a thread has waited for the kernels before its own, as all must where kernels overlap. */
static bool awaited[MOST_THREADS];
static void await_earlier() { awaited[self] = true; }

static void __syncthreads() { wait_at(AT_BARRIER, "__syncthreads"); }
static void __syncwarp() { wait_at(AT_WARP, "__syncwarp"); }

/* What each lane of the warp brings; in turns, so that nobody overwrites what is still to be read. */
static const size_t BROUGHT_BYTES = 32;
static unsigned char brought[2][MOST_THREADS][BROUGHT_BYTES];
static int turns[MOST_THREADS];

/* All lanes' values of a warp, those of lane 0 first, BROUGHT_BYTES apart. */
static const unsigned char* exchange(const void* mine, size_t bytes, const char* place) {
  int turn = turns[self] ^= 1;
  memcpy(brought[turn][self], mine, bytes);
  wait_at(AT_WARP, place);
  return brought[turn][self / 32 * 32];
}

template <class T>
static T of_lane(const unsigned char* all, int lane) {
  T value;
  memcpy(&value, all + lane * BROUGHT_BYTES, sizeof value);
  return value;
}

template <class T>
static T shuffle(unsigned mask, T value, int from, const char* place) {
  if (mask != 0xffffffffu) fail("%s of some lanes only", place);
  const unsigned char* all = exchange(&value, sizeof value, place);
  return from >= 0 && from < 32 ? of_lane<T>(all, from) : value;
}

template <class T>
static T __shfl_xor_sync(unsigned mask, T value, int with) {
  return shuffle(mask, value, self % 32 ^ with, "__shfl_xor_sync");
}

template <class T>
static T __shfl_up_sync(unsigned mask, T value, int step) {
  return shuffle(mask, value, self % 32 - step, "__shfl_up_sync");
}

template <class T>
static T __shfl_down_sync(unsigned mask, T value, int step) {
  return shuffle(mask, value, self % 32 + step, "__shfl_down_sync");
}

/* ---- memory ---- */

static std::map<uintptr_t, size_t> allocations;

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void allocated(uintptr_t address, size_t bytes) { allocations[address] = bytes; }
EXPORT void freed(uintptr_t address) { allocations.erase(address); }

static bool is_allocated(const void* p, size_t bytes) {
  auto after = allocations.upper_bound((uintptr_t)p);
  if (after == allocations.begin()) return false;
  --after;
  return (uintptr_t)p + bytes <= after->first + after->second;
}


/* What kernels declare themselves: the linker names the bounds. */
extern "C" unsigned char __start_shared_memory[], __stop_shared_memory[];

/* What they do not. Addresses count from its start. */
alignas(1024) unsigned char tiles[SHARED_BYTES];
static size_t shared_bytes; /* of the launch */

static unsigned __cvta_generic_to_shared(const void* p) {
  return (unsigned)((const unsigned char*)p - tiles);
}

static unsigned char* shared_pointer(unsigned address, size_t bytes) {
  if (address < SHARED_BYTES && address + bytes > shared_bytes) {
    fail("%zu bytes of shared memory at %u, of %zu", bytes, address, shared_bytes);
  }
  if (address % bytes != 0) fail("%zu bytes of shared memory at %u: not aligned", bytes, address);
  return tiles + (int)address;
}

/* ---- types and functions ---- */

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
static float2 make_float2(float x, float y) { return {x, y}; }
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static ushort4 make_ushort4(
    unsigned short x, unsigned short y, unsigned short z, unsigned short w) {
  return {x, y, z, w};
}

static float __int_as_float(int i) {
  float f;
  memcpy(&f, &i, 4);
  return f;
}
static float __uint_as_float(unsigned i) { return __int_as_float((int)i); }
static unsigned __float_as_uint(float f) {
  unsigned i;
  memcpy(&i, &f, 4);
  return i;
}
static void __trap() { fail("a trap"); }
static float __fdividef(float a, float b) { return a / b; }

static float emulated_half_to_float(unsigned short h) {
  _Float16 half;
  memcpy(&half, &h, 2);
  return (float)half;
}

static unsigned short emulated_float_to_half(float f) {
  _Float16 half = (_Float16)f;
  unsigned short h;
  memcpy(&h, &half, 2);
  return h;
}

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static __attribute__((section("shared_memory")))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
