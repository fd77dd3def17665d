/*
 * The entry points of libcuda, libnvrtc and libcublasLt that the CUDA device calls, without a GPU:
 * memory is the host's and really copied, products are really computed, launches are written to a
 * log. Calls fail with what their real counterparts would say: no current context, a foreign handle,
 * memory during a capture. Everything alive is counted.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_OF_MEMORY 2
#define INVALID_VALUE 1
#define INVALID_IMAGE 200
#define INVALID_CONTEXT 201
#define INVALID_PTX 218
#define UNSUPPORTED_PTX_VERSION 222
#define INVALID_HANDLE 400
#define NOT_FOUND 500
#define NOT_READY 600
#define CAPTURE_UNSUPPORTED 900
#define CAPTURE_WRONG_THREAD 908

typedef uint64_t u64;

/* ---- the test's side ---- */

static char log_text[1 << 16];
static size_t log_length;

static void note(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t room = sizeof log_text - log_length;
  int length = vsnprintf(log_text + log_length, room, format, arguments);
  va_end(arguments);
  log_length += (size_t)length < room ? (size_t)length : room - 1;
}

enum { DEVICES, DRIVER, CAPABILITY, POOLS, QUERIES, NVRTC_MAJOR, BUILTINS, SETTINGS };
static const char* setting_names[] = {
    "devices", "driver", "capability", "pools", "queries", "nvrtc", "builtins"};
static const int as_installed[SETTINGS] = {1, 13000, 90, 1, 0, 13, 0};
static int settings[SETTINGS] = {1, 13000, 90, 1, 0, 13, 0};

static struct {
  char name[64];
  int calls;
  int code;
} failures[16];

/* Kinds of things that are alive; the tag stands at the start of each, so that handles are checked. */
enum { MEMORY, PINNED, STREAM, EVENT, MODULE, GRAPH, EXEC, CONTEXT, PROGRAM, LT, DESC, LAYOUT, PREFERENCE, KINDS };
static const char* kind_names[] = {
    "memory", "pinned", "stream", "event", "module", "graph", "exec", "context", "program", "lt",
    "desc", "layout", "preference"};
static int alive[KINDS];

static _Thread_local u64 current;
static int contexts;
static u64 capturing;
static _Thread_local int capturing_here;

int fake_reset(void) {
  log_length = 0;
  log_text[0] = 0;
  memset(failures, 0, sizeof failures);
  memset(alive, 0, sizeof alive);
  memcpy(settings, as_installed, sizeof settings);
  current = 0;
  contexts = 0;
  capturing = 0;
  capturing_here = 0;
  return 0;
}

int fake_set(const char* name, int value) {
  for (int i = 0; i < SETTINGS; i++) {
    if (!strcmp(setting_names[i], name)) {
      settings[i] = value;
      return 0;
    }
  }
  return INVALID_VALUE;
}

/* The n-th call from now on of that name returns the code. */
int fake_fail(const char* name, int n, int code) {
  for (int i = 0; i < 16; i++) {
    if (failures[i].calls == 0) {
      snprintf(failures[i].name, sizeof failures[i].name, "%s", name);
      failures[i].calls = n;
      failures[i].code = code;
      return 0;
    }
  }
  return INVALID_VALUE;
}

/* Copies the log and empties it. */
int fake_log(char* text, int bytes) {
  snprintf(text, (size_t)bytes, "%s", log_text);
  log_length = 0;
  log_text[0] = 0;
  return 0;
}

/* What is alive, such as "memory 2, event 1". */
int fake_alive(char* text, int bytes) {
  size_t at = 0;
  text[0] = 0;
  for (int i = 0; i < KINDS; i++) {
    if (alive[i] != 0) {
      at += (size_t)snprintf(
          text + at, (size_t)bytes - at, "%s%s %d", at ? ", " : "", kind_names[i], alive[i]);
    }
  }
  return 0;
}

static int failing(const char* name) {
  for (int i = 0; i < 16; i++) {
    if (failures[i].calls > 0 && !strcmp(failures[i].name, name) && --failures[i].calls == 0) {
      return failures[i].code;
    }
  }
  return 0;
}

#define MAY_FAIL()                    \
  do {                                \
    int code_ = failing(__func__);    \
    if (code_) return code_;          \
  } while (0)
#define NEEDS_CONTEXT()                          \
  do {                                           \
    if (current == 0) return INVALID_CONTEXT;    \
    MAY_FAIL();                                  \
  } while (0)
#define NOT_WHILE_CAPTURING()                        \
  do {                                               \
    if (capturing_here) return CAPTURE_UNSUPPORTED;  \
  } while (0)
#define CHECK(handle, kind)                             \
  do {                                                  \
    if (!is((handle), (kind))) return INVALID_HANDLE;   \
  } while (0)

typedef struct {
  int tag;
  char text[4096];
} thing;

static u64 make(int kind) {
  thing* t = calloc(1, sizeof *t);
  t->tag = 0x0ff0 + kind;
  alive[kind]++;
  return (u64)(uintptr_t)t;
}

static int is(u64 handle, int kind) {
  return handle != 0 && ((thing*)(uintptr_t)handle)->tag == 0x0ff0 + kind;
}

static char* text_of(u64 handle) { return ((thing*)(uintptr_t)handle)->text; }

/* The handle's memory is kept, so that a second use of it is noticed. */
static void destroy(u64 handle) {
  thing* t = (thing*)(uintptr_t)handle;
  alive[t->tag - 0x0ff0]--;
  t->tag = 0;
}

/* ---- libcuda ---- */

static struct {
  int code;
  const char* name;
  const char* text;
} errors[] = {
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {806, "CUDA_ERROR_MPS_RPC_FAILURE", "MPS server failed to execute RPC command"},
    {810, "CUDA_ERROR_MPS_CLIENT_TERMINATED", "MPS client has been terminated by the server"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}};

static int describe(int code, const char** out, int name) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if (errors[i].code == code) {
      *out = name ? errors[i].name : errors[i].text;
      return 0;
    }
  }
  *out = 0;
  return INVALID_VALUE;
}

int cuGetErrorName(int code, const char** out) { return describe(code, out, 1); }
int cuGetErrorString(int code, const char** out) { return describe(code, out, 0); }

int cuInit(unsigned flags) {
  MAY_FAIL();
  note("cuInit %u\n", flags);
  return 0;
}

int cuDriverGetVersion(int* version) {
  MAY_FAIL();
  *version = settings[DRIVER];
  return 0;
}

int cuDeviceGetCount(int* count) {
  MAY_FAIL();
  *count = settings[DEVICES];
  return 0;
}

int cuDeviceGet(int* device, int number) {
  MAY_FAIL();
  if (number >= settings[DEVICES]) return 101;
  *device = 40 + number; /* not the number, so that the two are not mixed up */
  return 0;
}

int cuDeviceGetName(char* name, int bytes, int device) {
  MAY_FAIL();
  snprintf(name, (size_t)bytes, "Fake GPU %d", device - 40);
  return 0;
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  MAY_FAIL();
  *bytes = (size_t)8 << 30;
  return device >= 40 ? 0 : 101;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  MAY_FAIL();
  if (device < 40) return 101;
  switch (attribute) {
    case 1: *value = 1024; return 0;
    case 16: *value = 108; return 0;
    case 75: *value = settings[CAPABILITY] / 10; return 0;
    case 76: *value = settings[CAPABILITY] % 10; return 0;
    case 97: *value = 232448; return 0;
    case 115: *value = settings[POOLS]; return 0;
    default: return INVALID_VALUE;
  }
}

int cuDevicePrimaryCtxRetain(u64* context, int device) {
  MAY_FAIL();
  alive[CONTEXT]++;
  contexts++;
  *context = 0xc0 + (u64)device;
  note("cuDevicePrimaryCtxRetain %d\n", device - 40);
  return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  MAY_FAIL();
  alive[CONTEXT]--;
  contexts--;
  note("cuDevicePrimaryCtxRelease_v2 %d\n", device - 40);
  return 0;
}

int cuCtxSetCurrent(u64 context) {
  MAY_FAIL();
  if (contexts <= 0) return INVALID_CONTEXT;
  current = context;
  note("cuCtxSetCurrent\n");
  return 0;
}

int cuStreamCreate(u64* stream, unsigned flags) {
  NEEDS_CONTEXT();
  *stream = make(STREAM);
  note("cuStreamCreate %u\n", flags);
  return 0;
}

int cuStreamDestroy_v2(u64 stream) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  destroy(stream);
  note("cuStreamDestroy_v2\n");
  return 0;
}

int cuStreamSynchronize(u64 stream) {
  NEEDS_CONTEXT();
  NOT_WHILE_CAPTURING();
  CHECK(stream, STREAM);
  note("cuStreamSynchronize\n");
  return 0;
}

int cuDeviceGetMemPool(u64* pool, int device) {
  MAY_FAIL();
  *pool = 0x9001 + (u64)device;
  return 0;
}

int cuMemPoolSetAttribute(u64 pool, int attribute, void* value) {
  MAY_FAIL();
  note("cuMemPoolSetAttribute %d %llx\n", attribute, *(unsigned long long*)value);
  return pool > 0x9000 ? 0 : INVALID_VALUE;
}

int cuMemPoolTrimTo(u64 pool, size_t bytes) {
  MAY_FAIL();
  note("cuMemPoolTrimTo %zu\n", bytes);
  return pool > 0x9000 ? 0 : INVALID_VALUE;
}

#define BLOCKS 256
static struct {
  char* start;
  size_t bytes;
} blocks[BLOCKS];

static int new_block(u64* address, size_t bytes) {
  for (int i = 0; i < BLOCKS; i++) {
    if (!blocks[i].start) {
      blocks[i].start = aligned_alloc(256, (bytes + 255) / 256 * 256);
      if (!blocks[i].start) return OUT_OF_MEMORY;
      memset(blocks[i].start, 0xcd, bytes);
      blocks[i].bytes = bytes;
      *address = (u64)(uintptr_t)blocks[i].start;
      alive[MEMORY]++;
      return 0;
    }
  }
  return OUT_OF_MEMORY;
}

static int free_block(u64 address) {
  for (int i = 0; i < BLOCKS; i++) {
    if (address && blocks[i].start == (char*)(uintptr_t)address) {
      free(blocks[i].start);
      blocks[i].start = 0;
      alive[MEMORY]--;
      return 0;
    }
  }
  return INVALID_VALUE;
}

/* Where the address lies, or null if so many bytes from there on are not all of one block. */
static char* host(u64 address, size_t bytes) {
  char* p = (char*)(uintptr_t)address;
  for (int i = 0; i < BLOCKS; i++) {
    char* start = blocks[i].start;
    if (start && p >= start && p + bytes <= start + blocks[i].bytes) return p;
  }
  return 0;
}

int cuMemAllocAsync(u64* address, size_t bytes, u64 stream) {
  NEEDS_CONTEXT();
  NOT_WHILE_CAPTURING();
  CHECK(stream, STREAM);
  note("cuMemAllocAsync %zu\n", bytes);
  return new_block(address, bytes);
}

int cuMemFreeAsync(u64 address, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  note("cuMemFreeAsync\n");
  return free_block(address);
}

int cuMemAlloc_v2(u64* address, size_t bytes) {
  NEEDS_CONTEXT();
  NOT_WHILE_CAPTURING();
  note("cuMemAlloc_v2 %zu\n", bytes);
  return new_block(address, bytes);
}

int cuMemFree_v2(u64 address) {
  NEEDS_CONTEXT();
  note("cuMemFree_v2\n");
  return free_block(address);
}

int cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
  NEEDS_CONTEXT();
  NOT_WHILE_CAPTURING();
  *address = malloc(bytes);
  memset(*address, 0xab, bytes);
  alive[PINNED]++;
  note("cuMemHostAlloc %zu %u\n", bytes, flags);
  return 0;
}

int cuMemFreeHost(void* address) {
  NEEDS_CONTEXT();
  free(address);
  alive[PINNED]--;
  note("cuMemFreeHost\n");
  return 0;
}

int cuMemcpyHtoDAsync_v2(u64 target, const void* source, size_t bytes, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  if (!host(target, bytes)) return INVALID_VALUE;
  memcpy(host(target, bytes), source, bytes);
  note("cuMemcpyHtoDAsync_v2 %zu\n", bytes);
  return 0;
}

int cuMemcpyDtoHAsync_v2(void* target, u64 source, size_t bytes, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  if (!host(source, bytes)) return INVALID_VALUE;
  memcpy(target, host(source, bytes), bytes);
  note("cuMemcpyDtoHAsync_v2 %zu\n", bytes);
  return 0;
}

/* The copies that wait are not called by the CUDA device; SecondOpinion makes them by JCuda. */
int cuMemcpyHtoD_v2(u64 target, const void* source, size_t bytes) {
  NEEDS_CONTEXT();
  if (!host(target, bytes)) return INVALID_VALUE;
  memcpy(host(target, bytes), source, bytes);
  note("cuMemcpyHtoD_v2 %zu\n", bytes);
  return 0;
}

int cuMemcpyDtoH_v2(void* target, u64 source, size_t bytes) {
  NEEDS_CONTEXT();
  if (!host(source, bytes)) return INVALID_VALUE;
  memcpy(target, host(source, bytes), bytes);
  note("cuMemcpyDtoH_v2 %zu\n", bytes);
  return 0;
}

int cuMemsetD8Async(u64 target, unsigned char value, size_t bytes, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  if (!host(target, bytes)) return INVALID_VALUE;
  memset(host(target, bytes), value, bytes);
  note("cuMemsetD8Async %d %zu\n", value, bytes);
  return 0;
}

int cuEventCreate(u64* event, unsigned flags) {
  NEEDS_CONTEXT();
  *event = make(EVENT);
  note("cuEventCreate %u\n", flags);
  return 0;
}

int cuEventDestroy_v2(u64 event) {
  NEEDS_CONTEXT();
  CHECK(event, EVENT);
  destroy(event);
  note("cuEventDestroy_v2\n");
  return 0;
}

int cuEventRecord(u64 event, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(event, EVENT);
  CHECK(stream, STREAM);
  note("cuEventRecord\n");
  return 0;
}

int cuEventQuery(u64 event) {
  NEEDS_CONTEXT();
  CHECK(event, EVENT);
  if (settings[QUERIES] != 0) {
    settings[QUERIES]--;
    return NOT_READY;
  }
  note("cuEventQuery\n");
  return 0;
}

int cuEventSynchronize(u64 event) {
  NEEDS_CONTEXT();
  CHECK(event, EVENT);
  note("cuEventSynchronize\n");
  return 0;
}

/* The newest PTX, times 100, that a driver for a CUDA version knows; from NVIDIA's release history. */
static const struct {
  int cuda, ptx;
} languages[] = {
    {11000, 700}, {11010, 701}, {11020, 702}, {11030, 703}, {11040, 704}, {11050, 705},
    {11060, 706}, {11070, 707}, {11080, 708}, {12000, 800}, {12010, 801}, {12020, 802},
    {12030, 803}, {12040, 804}, {12050, 805}, {12070, 806}, {12080, 807}, {12090, 808},
    {13000, 900}};

static int known_ptx(void) {
  int newest = 0;
  for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
    if (languages[i].cuda <= settings[DRIVER]) newest = languages[i].ptx;
  }
  return newest;
}

int cuModuleLoadDataEx(
    u64* module, const char* image, unsigned options, const int* keys, void** values) {
  NEEDS_CONTEXT();
  char* log = 0;
  size_t room = 0;
  for (unsigned i = 0; i < options; i++) {
    if (keys[i] == 5) log = values[i];
    if (keys[i] == 6) room = (size_t)(uintptr_t)values[i];
  }
  if (strstr(image, "broken")) {
    if (log) snprintf(log, room, "ptxas error : syntax error near 'broken' (%zu)\n", room);
    return INVALID_PTX;
  }
  const char* start = image;
  while (*start == '/' || *start == '\n') start += strcspn(start, "\n") + 1;
  if (strncmp(start, ".version", 8) && strncmp(start, "CUBIN", 5)) return INVALID_IMAGE;
  int major, minor;
  if (sscanf(start, ".version %d.%d", &major, &minor) == 2 && 100 * major + minor > known_ptx()) {
    return UNSUPPORTED_PTX_VERSION;
  }
  *module = make(MODULE);
  note("cuModuleLoadDataEx %.99s\n", image);
  return 0;
}

int cuModuleLoadData(u64* module, const char* image) {
  return cuModuleLoadDataEx(module, image, 0, 0, 0);
}

int cuModuleUnload(u64 module) {
  NEEDS_CONTEXT();
  CHECK(module, MODULE);
  destroy(module);
  note("cuModuleUnload\n");
  return 0;
}

/* The kernels that are known, with their parameters: p is a pointer, i an int, f a float. */
static struct {
  const char* name;
  const char* parameters;
} functions[] = {{"compact", "pipifi"}, {"list_tokens", "pi"}};

int cuModuleGetFunction(u64* function, u64 module, const char* name) {
  NEEDS_CONTEXT();
  CHECK(module, MODULE);
  note("cuModuleGetFunction %s\n", name);
  for (int i = 0; i < 2; i++) {
    if (!strcmp(functions[i].name, name)) {
      *function = (u64)(uintptr_t)&functions[i];
      return 0;
    }
  }
  return NOT_FOUND;
}

int cuFuncSetAttribute(u64 function, int attribute, int value) {
  NEEDS_CONTEXT();
  if (attribute != 8 || value > 232448) return INVALID_VALUE;
  note("cuFuncSetAttribute %s %d\n", *(const char**)(uintptr_t)function, value);
  return 0;
}

/* Writes a line to the log, or to the capture of the stream. */
static void queue(u64 stream, const char* line) {
  if (capturing) {
    size_t at = strlen(text_of(capturing));
    snprintf(text_of(capturing) + at, sizeof(((thing*)0)->text) - at, "%s", line);
    (void)stream;
  } else {
    note("%s", line);
  }
}

static void queue_launch(
    u64 function, const char* call, const unsigned* sizes, const char* more, u64 stream,
    void** parameters) {
  const char** f = (const char**)(uintptr_t)function;
  char line[1024];
  size_t at = (size_t)snprintf(
      line, sizeof line, "%s %s groups %u %u %u items %u %u %u shared %u%s arguments", call, f[0],
      sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], more);
  for (int i = 0; f[1][i]; i++) {
    if (f[1][i] == 'p') {
      at += (size_t)snprintf(
          line + at, sizeof line - at, " %llx", *(unsigned long long*)parameters[i]);
    } else if (f[1][i] == 'i') {
      at += (size_t)snprintf(line + at, sizeof line - at, " %d", *(int*)parameters[i]);
    } else {
      at += (size_t)snprintf(line + at, sizeof line - at, " %g", *(float*)parameters[i]);
    }
  }
  snprintf(line + at, sizeof line - at, "\n");
  queue(stream, line);
}

int cuLaunchKernel(
    u64 function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, u64 stream, void** parameters, void** extra) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  if (extra) return INVALID_VALUE;
  unsigned sizes[] = {gx, gy, gz, bx, by, bz, shared};
  queue_launch(function, "cuLaunchKernel", sizes, "", stream, parameters);
  return 0;
}

/* As in cuda.h. */
typedef struct {
  int id;
  char pad[4];
  union {
    char pad[64];
    int programmatic;
  } value;
} launch_attribute;
typedef struct {
  unsigned sizes[7];
  u64 stream;
  launch_attribute* attributes;
  unsigned count;
} launch_config;
_Static_assert(sizeof(launch_config) == 56 && sizeof(launch_attribute) == 72, "as in cuda.h");

int cuLaunchKernelEx(launch_config* config, u64 function, void** parameters, void** extra) {
  NEEDS_CONTEXT();
  CHECK(config->stream, STREAM);
  if (extra || config->count != 1 || config->attributes->id != 6) return INVALID_VALUE;
  queue_launch(
      function, "cuLaunchKernelEx", config->sizes,
      config->attributes->value.programmatic == 1 ? " overlapping" : "", config->stream, parameters);
  return 0;
}

int cuStreamBeginCapture_v2(u64 stream, int mode) {
  NEEDS_CONTEXT();
  CHECK(stream, STREAM);
  note("cuStreamBeginCapture_v2 %d\n", mode);
  capturing = make(GRAPH);
  capturing_here = 1;
  return 0;
}

int cuStreamEndCapture(u64 stream, u64* graph) {
  *graph = 0;
  CHECK(stream, STREAM);
  if (!capturing_here) return CAPTURE_WRONG_THREAD;
  u64 captured = capturing;
  capturing = 0;
  capturing_here = 0;
  int code = failing(__func__);
  if (code) {
    destroy(captured);
    return code;
  }
  *graph = captured;
  note("cuStreamEndCapture\n");
  return 0;
}

int cuGraphInstantiateWithFlags(u64* exec, u64 graph, unsigned long long flags) {
  NEEDS_CONTEXT();
  CHECK(graph, GRAPH);
  *exec = make(EXEC);
  memcpy(text_of(*exec), text_of(graph), sizeof(((thing*)0)->text));
  note("cuGraphInstantiateWithFlags %llu\n", flags);
  return 0;
}

int cuGraphDestroy(u64 graph) {
  NEEDS_CONTEXT();
  CHECK(graph, GRAPH);
  destroy(graph);
  note("cuGraphDestroy\n");
  return 0;
}

int cuGraphUpload(u64 exec, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(exec, EXEC);
  CHECK(stream, STREAM);
  note("cuGraphUpload\n");
  return 0;
}

int cuGraphLaunch(u64 exec, u64 stream) {
  NEEDS_CONTEXT();
  CHECK(exec, EXEC);
  CHECK(stream, STREAM);
  note("cuGraphLaunch\n%s", text_of(exec));
  return 0;
}

int cuGraphExecDestroy(u64 exec) {
  NEEDS_CONTEXT();
  CHECK(exec, EXEC);
  destroy(exec);
  note("cuGraphExecDestroy\n");
  return 0;
}

/* ---- libnvrtc ---- */

int nvrtcVersion(int* major, int* minor) {
  MAY_FAIL();
  *major = settings[NVRTC_MAJOR];
  *minor = 2;
  return 0;
}

int nvrtcGetNumSupportedArchs(int* count) {
  *count = 3;
  return 0;
}

int nvrtcGetSupportedArchs(int* archs) {
  archs[0] = 75;
  archs[1] = 80;
  archs[2] = 90;
  return 0;
}

int nvrtcCreateProgram(
    u64* program, const char* source, const char* name, int headers, const char** a, const char** b) {
  MAY_FAIL();
  (void)name;
  if (headers || a || b) return 3;
  *program = make(PROGRAM);
  snprintf(text_of(*program), 4096, "%s", strstr(source, "#error") ? "#error" : "");
  return 0;
}

int nvrtcCompileProgram(u64 program, int count, const char** options) {
  CHECK(program, PROGRAM);
  MAY_FAIL();
  note("nvrtcCompileProgram");
  for (int i = 0; i < count; i++) note(" %s", options[i]);
  note("\n");
  if (text_of(program)[0]) return 6;
  /* The real one looks for them so, wherever it lies itself. */
  if (settings[BUILTINS] && !dlopen("libnvrtc-builtins.so.13.2", RTLD_LAZY)) return 7;
  snprintf(text_of(program), 4096, "CUBIN for %s", strchr(options[0], '=') + 1);
  return 0;
}

int nvrtcGetProgramLogSize(u64 program, size_t* bytes) {
  CHECK(program, PROGRAM);
  *bytes = 32;
  return 0;
}

int nvrtcGetProgramLog(u64 program, char* log) {
  CHECK(program, PROGRAM);
  snprintf(log, 32, "offramp.cu(1): error: #error\n");
  return 0;
}

int nvrtcGetCUBINSize(u64 program, size_t* bytes) {
  CHECK(program, PROGRAM);
  *bytes = strlen(text_of(program)) + 1;
  return 0;
}

int nvrtcGetCUBIN(u64 program, char* image) {
  CHECK(program, PROGRAM);
  strcpy(image, text_of(program));
  return 0;
}

int nvrtcGetPTXSize(u64 program, size_t* bytes) {
  CHECK(program, PROGRAM);
  *bytes = 32;
  return 0;
}

int nvrtcGetPTX(u64 program, char* image) {
  CHECK(program, PROGRAM);
  snprintf(image, 32, ".version by NVRTC");
  return 0;
}

int nvrtcDestroyProgram(u64* program) {
  CHECK(*program, PROGRAM);
  destroy(*program);
  *program = 0;
  return 0;
}

/* ---- libcublasLt, in its column-major order ---- */

typedef struct {
  int tag;
  int compute, scale, transa, transb, epilogue;
  u64 bias;
} lt_desc;
typedef struct {
  int tag;
  int type;
  u64 rows, cols;
  int64_t ld;
} lt_layout;
typedef struct {
  int tag;
  u64 workspace;
  unsigned reduction;
  unsigned alignments[4];
} lt_preference;
typedef struct {
  u64 algo[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} lt_result;
_Static_assert(sizeof(lt_result) == 96, "as in cublasLt.h");

#define LT(type, handle) ((type*)(uintptr_t)(handle))

int cublasLtGetProperty(int part, int* value) {
  MAY_FAIL();
  note("cublasLtGetProperty %d\n", part);
  *value = part == 0 ? 13 : part == 1 ? 1 : 0;
  return 0;
}

int cublasLtCreate(u64* handle) {
  if (current == 0) return 1;
  MAY_FAIL();
  *handle = make(LT);
  return 0;
}

int cublasLtDestroy(u64 handle) {
  if (!is(handle, LT)) return 7;
  destroy(handle);
  return 0;
}

int cublasLtMatmulDescCreate(u64* desc, int compute, int scale) {
  MAY_FAIL();
  *desc = make(DESC);
  LT(lt_desc, *desc)->compute = compute;
  LT(lt_desc, *desc)->scale = scale;
  LT(lt_desc, *desc)->epilogue = 1;
  return 0;
}

int cublasLtMatmulDescDestroy(u64 desc) {
  if (!is(desc, DESC)) return 7;
  destroy(desc);
  return 0;
}

int cublasLtMatmulDescSetAttribute(u64 desc, int attribute, const void* value, size_t bytes) {
  MAY_FAIL();
  if (!is(desc, DESC)) return 7;
  lt_desc* d = LT(lt_desc, desc);
  if (bytes != (attribute == 8 ? 8 : 4)) return 7;
  switch (attribute) {
    case 3: d->transa = *(const int*)value; return 0;
    case 4: d->transb = *(const int*)value; return 0;
    case 7: d->epilogue = *(const int*)value; return 0;
    case 8: d->bias = *(const u64*)value; return 0;
    default: return 7;
  }
}

int cublasLtMatrixLayoutCreate(u64* layout, int type, u64 rows, u64 cols, int64_t ld) {
  MAY_FAIL();
  *layout = make(LAYOUT);
  lt_layout* l = LT(lt_layout, *layout);
  l->type = type;
  l->rows = rows;
  l->cols = cols;
  l->ld = ld;
  return 0;
}

int cublasLtMatrixLayoutDestroy(u64 layout) {
  if (!is(layout, LAYOUT)) return 7;
  destroy(layout);
  return 0;
}

int cublasLtMatmulPreferenceCreate(u64* preference) {
  MAY_FAIL();
  *preference = make(PREFERENCE);
  return 0;
}

int cublasLtMatmulPreferenceDestroy(u64 preference) {
  if (!is(preference, PREFERENCE)) return 7;
  destroy(preference);
  return 0;
}

int cublasLtMatmulPreferenceSetAttribute(u64 preference, int attribute, const void* value, size_t n) {
  if (!is(preference, PREFERENCE) || n != (attribute == 1 ? 8 : 4)) return 7;
  lt_preference* p = LT(lt_preference, preference);
  switch (attribute) {
    case 1: p->workspace = *(const u64*)value; return 0;
    case 3: p->reduction = *(const unsigned*)value; return 0;
    case 5: case 6: case 7: case 8: p->alignments[attribute - 5] = *(const unsigned*)value; return 0;
    default: return 7;
  }
}

int cublasLtMatmulAlgoGetHeuristic(
    u64 handle, u64 desc, u64 a, u64 b, u64 c, u64 d, u64 preference, int asked, lt_result* results,
    int* found) {
  MAY_FAIL();
  if (!is(handle, LT) || !is(desc, DESC) || !is(a, LAYOUT) || !is(b, LAYOUT) || !is(c, LAYOUT)
      || !is(d, LAYOUT) || !is(preference, PREFERENCE) || asked < 1) {
    return 7;
  }
  lt_preference* p = LT(lt_preference, preference);
  note("heuristic workspace %llu reduction %u alignments %u %u %u %u\n",
       (unsigned long long)p->workspace, p->reduction, p->alignments[0], p->alignments[1],
       p->alignments[2], p->alignments[3]);
  memset(results, 0, sizeof *results);
  results->algo[0] = 77;
  results->workspace = 1024;
  *found = 1;
  return 0;
}

static float load(u64 address, int type, u64 i) {
  void* p = (void*)(uintptr_t)address;
  return type == 2 ? (float)((_Float16*)p)[i] : ((float*)p)[i];
}

static void store(u64 address, int type, u64 i, float value) {
  void* p = (void*)(uintptr_t)address;
  if (type == 2) {
    ((_Float16*)p)[i] = (_Float16)value;
  } else {
    ((float*)p)[i] = value;
  }
}

int cublasLtMatmul(
    u64 handle, u64 desc, const float* alpha, u64 a, u64 a_layout, u64 b, u64 b_layout,
    const float* beta, u64 c, u64 c_layout, u64 d, u64 d_layout, const u64* algo, u64 workspace,
    size_t bytes, u64 stream) {
  MAY_FAIL();
  if (current == 0 || !is(handle, LT) || !is(desc, DESC) || !is(stream, STREAM)) return 1;
  lt_desc* f = LT(lt_desc, desc);
  lt_layout *la = LT(lt_layout, a_layout), *lb = LT(lt_layout, b_layout);
  lt_layout *lc = LT(lt_layout, c_layout), *ld = LT(lt_layout, d_layout);
  u64 m = ld->rows, n = ld->cols;
  u64 k = f->transa ? la->rows : la->cols;
  if ((f->transa ? la->cols : la->rows) != m || (f->transb ? lb->cols : lb->rows) != k
      || (f->transb ? lb->rows : lb->cols) != n || lc->rows != m || lc->cols != n
      || algo[0] != 77 || f->scale != 0 || !host(workspace, bytes) || bytes < 1024) {
    return 7;
  }
  char line[256];
  snprintf(line, sizeof line, "cublasLtMatmul %llu %llu %llu type %d compute %d epilogue %d beta %g\n",
           (unsigned long long)m, (unsigned long long)n, (unsigned long long)k, la->type, f->compute,
           f->epilogue, *beta);
  queue(stream, line);
  if (capturing) return 0;
  size_t size = la->type == 2 ? 2 : 4;
  if (!host(a, size * la->ld * la->cols) || !host(b, size * lb->ld * lb->cols)
      || !host(d, size * ld->ld * n) || !host(f->bias, size * m)) {
    return 13;
  }
  for (u64 j = 0; j < n; j++) {
    for (u64 i = 0; i < m; i++) {
      float sum = 0;
      for (u64 l = 0; l < k; l++) {
        float x = load(a, la->type, f->transa ? l + i * la->ld : i + l * la->ld);
        float y = load(b, lb->type, f->transb ? j + l * lb->ld : l + j * lb->ld);
        sum += x * y;
      }
      float value = *alpha * sum;
      if (*beta != 0) value += *beta * load(c, lc->type, i + j * lc->ld);
      if (f->epilogue & 4) value += load(f->bias, ld->type, i);
      if ((f->epilogue & 2) && value < 0) value = 0;
      store(d, ld->type, i + j * ld->ld, value);
    }
  }
  return 0;
}
