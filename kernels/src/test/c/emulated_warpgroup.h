/* warpgroup.cuh on a processor: after emulated_tensor.h. */
static void products_may_read() {
  for (int& thread : unread) {
    if (thread == self + 1) thread = 0;
  }
}

static void products_begin() { wait_at(AT_WARP, "wgmma.fence"); }

/* Address of lines, distance of two blocks of eight lines, and that pieces are permuted in them. */
static unsigned long long matrix_at(unsigned address) {
  return (unsigned long long)((address & 0x3ffff) >> 4) | 1ull << 16 | (1024ull >> 4) << 32
      | 1ull << 62;
}

/* Element k of a line, as the hardware finds it by a descriptor. */
static float element(unsigned long long matrix, int line, int k) {
  if (matrix >> 62 != 1) fail("a matrix whose lines are not of 128 bytes with permuted pieces");
  unsigned start = (unsigned)(matrix & 0x3fff) << 4;
  unsigned blocks = (unsigned)(matrix >> 32 & 0x3fff) << 4;
  unsigned address = start + line / 8 * blocks + line % 8 * 128 + 2 * k;
  address ^= (address >> 7 & 7) << 4;
  unsigned char* piece = shared_pointer(address & ~15u, 16);
  if (unread[address / 16]) fail("a product reads what products_may_read was not said of");
  unsigned short half;
  memcpy(&half, piece + address % 16, 2);
  return emulated_half_to_float(half);
}

/*
 * The next product that the threads of this one's warp have asked for. Each warp makes its sixteen
 * lines when it comes to it: a GPU keeps warps of a group together no more than others.
 */
static void make_product() {
  int warp = self / 32 * 32;
  static float a[16][16], b[256][16];
  product p = products[warp].front();
  for (int line = 0; line < 16; line++) {
    for (int k = 0; k < 16; k++) a[line][k] = element(p.a, warp % 128 / 2 + line, k);
  }
  for (int line = 0; line < p.outputs; line++) {
    for (int k = 0; k < 16; k++) b[line][k] = element(p.b, line, k);
  }
  for (int lane = 0; lane < 32; lane++) {
    product own = products[warp + lane].front();
    if (own.a != p.a || own.b != p.b) fail("threads of a product differ in its matrices");
    products[warp + lane].erase(products[warp + lane].begin());
    for (int i = 0; i < p.outputs / 2; i++) {
      int line = lane / 4 + i / 2 % 2 * 8;
      int column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      double sum = own.sums[i];
      for (int k = 0; k < 16; k++) sum += (double)a[line][k] * b[column][k];
      own.sums[i] = (float)sum;
    }
  }
}

/* The first thread of the warp to come here makes what all have asked for. */
static void make_products() {
  wait_at(AT_WARP, "wgmma");
  while (!products[self].empty()) make_product();
}

template <int SUMS>
static void multiply_group(float (&sums)[SUMS], unsigned long long a, unsigned long long b) {
  products[self].push_back({sums, 2 * SUMS, a, b});
  if (!late) make_products();
}

template <int PRODUCTS, int SUMS>
static void products_wait(float (&)[PRODUCTS][SUMS]) {
  make_products();
}
