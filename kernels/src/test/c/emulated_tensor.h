/*
 * tensor.cuh on a processor: what the PTX ISA says of its instructions, lane by lane. Each product
 * is exact, sums are rounded to float once for each instruction.
 */
#if __CUDA_ARCH__ >= 800
#define STAGES 4
#else
#define STAGES 2
#endif
#define LINE 64

/* ---- copies past the registers ---- */

struct pending {
  unsigned to;
  unsigned char bytes[16];
};
/* Of each thread: groups of copies that have not been waited for; the last is still open. */
static std::vector<std::vector<pending>> pending_copies[MOST_THREADS];

/* How many lanes of each warp have gone on after a product. */
static int arrived[MOST_THREADS / 32];

/* A product of four warps that has not been waited for. */
struct product {
  float* sums;
  int outputs;
  unsigned long long a, b;
};
static std::vector<product> products[MOST_THREADS]; /* of each thread */

/* Nothing is left of the block before, which may have been broken off. */
static void start_block(int count) {
  memset(turns, 0, sizeof turns);
  memset(arrived, 0, sizeof arrived);
  memset(awaited, 0, sizeof awaited);
  for (int t = 0; t < count; t++) {
    pending_copies[t].clear();
    pending_copies[t].emplace_back();
    products[t].clear();
  }
}

/* By which thread 16 bytes came that products_may_read has not been said of since. */
static int unread[SHARED_BYTES / 16];

/* Copies that nobody has waited for may still come when shared memory is used for something else. */
static void end_thread() {
  if (!awaited[self]) fail("does not wait for the kernels before it");
  for (auto& group : pending_copies[self]) {
    if (!group.empty()) fail("a thread ends with copies on their way");
  }
}

static void arrive(const pending& copy) {
  memcpy(shared_pointer(copy.to, 16), copy.bytes, 16);
  if (copy.to < SHARED_BYTES) unread[copy.to / 16] = self + 1;
}

/* Waits for all groups that were ended but some. */
static void copies_arrive(size_t but) {
  auto& groups = pending_copies[self];
  while (groups.size() > but + 1) {
    for (pending& copy : groups.front()) arrive(copy);
    groups.erase(groups.begin());
  }
}

static unsigned shared_address(const void* p) { return __cvta_generic_to_shared(p); }

static void copy16(unsigned to, const void* from, int valid) {
  if ((uintptr_t)from % 16 != 0) fail("16 bytes are copied from %p: not aligned", from);
  pending copy = {to, {}};
  if (valid) {
    if (!is_allocated(from, 16)) fail("16 bytes at %p: not allocated", from);
    memcpy(copy.bytes, from, 16);
  }
#if __CUDA_ARCH__ >= 800
  if (late) {
    pending_copies[self].back().push_back(copy);
    return;
  }
#endif
  arrive(copy);
}

static void copies_end() { pending_copies[self].emplace_back(); }

template <int LEFT>
static void copies_wait() {
  copies_arrive(LEFT);
}

static void copies_wait_all() {
  copies_end();
  copies_arrive(0);
}

/* ---- matrices ---- */

static float tf32(float f) {
  unsigned bits = __float_as_uint(f);
  if ((bits & 0x7f800000u) != 0x7f800000u) {
    bits = (bits + 0x1000u) & 0xffffe000u; /* to nearest, halves away from zero */
  } else if (bits & 0x7fffffu) {
    bits = 0x7fffffffu;
  }
  return __uint_as_float(bits);
}

/* The pieces of a 16-byte line that a lane gets of each of four matrices. */
static void load_lines(unsigned from, unsigned* r, bool transposed, const char* place) {
  const unsigned char* all = exchange(&from, sizeof from, place);
  int lane = self % 32;
  for (int i = 0; i < 4; i++) {
    if (transposed) {
      unsigned short h[2];
      for (int e = 0; e < 2; e++) {
        unsigned line = of_lane<unsigned>(all, 8 * i + lane % 4 * 2 + e);
        memcpy(&h[e], shared_pointer(line, 16) + lane / 4 * 2, 2);
      }
      r[i] = h[0] | (unsigned)h[1] << 16;
    } else {
      unsigned line = of_lane<unsigned>(all, 8 * i + lane / 4);
      memcpy(&r[i], shared_pointer(line, 16) + lane % 4 * 4, 4);
    }
  }
}

static void load_matrices(unsigned from, unsigned* r) {
  load_lines(from, r, false, "ldmatrix");
#ifndef F16
  for (int i = 0; i < 4; i++) r[i] = __float_as_uint(tf32(__uint_as_float(r[i])));
#endif
}

static void load_transposed(unsigned from, unsigned* r) {
  load_lines(from, r, true, "ldmatrix.trans");
}

#ifdef F16
#define IN_WORD 2
static float factor(unsigned word, int e) {
  return emulated_half_to_float((unsigned short)(word >> 16 * e));
}
#else
#define IN_WORD 1
static float factor(unsigned word, int) { return __uint_as_float(word); }
#endif
#define DEEP (8 * IN_WORD) /* factors of a sum in 32 bytes */

struct fragments {
  unsigned a[4], b[2];
};

/* (16, 8) sums for those in c, of all lanes' fragments; as many words at a time as is said. */
static void multiply_warp(const unsigned char* all, float c[16][8], int words) {
  /* Lane 4 g + q holds, of lines g and g + 8 of a and of column g of b, the words q and q + 4. */
  float a[16][DEEP], b[DEEP][8];
  for (int lane = 0; lane < 32; lane++) {
    fragments f = of_lane<fragments>(all, lane);
    for (int e = 0; e < IN_WORD; e++) {
      for (int i = 0; i < 4; i++) {
        a[lane / 4 + i % 2 * 8][(lane % 4 + i / 2 * 4) * IN_WORD + e] = factor(f.a[i], e);
      }
      for (int i = 0; i < 2; i++) {
        b[(lane % 4 + i * 4) * IN_WORD + e][lane / 4] = factor(f.b[i], e);
      }
    }
  }
  for (int line = 0; line < 16; line++) {
    for (int from = 0; from < DEEP; from += words * IN_WORD) {
      double sum[8];
      for (int n = 0; n < 8; n++) sum[n] = c[line][n];
      for (int k = from; k < from + words * IN_WORD; k++) {
        for (int n = 0; n < 8; n++) sum[n] += (double)a[line][k] * b[k][n];
      }
      for (int n = 0; n < 8; n++) c[line][n] = (float)sum[n];
    }
  }
}

static void multiply(float* c, const unsigned* a, unsigned b0, unsigned b1) {
  static float sums[MOST_THREADS / 32][16][8];
  int lane = self % 32;
  int warp = self / 32;
  float* upper = &sums[warp][lane / 4][lane % 4 * 2];
  float* lower = &sums[warp][lane / 4 + 8][lane % 4 * 2];
  memcpy(upper, c, 8);
  memcpy(lower, c + 2, 8);
  fragments mine = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
  const unsigned char* all = exchange(&mine, sizeof mine, "mma");
  if (arrived[warp]++ == 0) { /* the first to go on makes it for all */
#if defined(F16) && __CUDA_ARCH__ < 800
    multiply_warp(all, sums[warp], 4); /* two instructions */
#else
    multiply_warp(all, sums[warp], 8);
#endif
  }
  arrived[warp] %= 32;
  memcpy(c, upper, 8);
  memcpy(c + 2, lower, 8);
}
