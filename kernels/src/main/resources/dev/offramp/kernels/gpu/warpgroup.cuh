/*
 * Pieces of gemm_warpgroup.cu that are PTX: products that four warps make of shared memory, as
 * compute capability 9.0 has them and no other.
 */
/* What threads have written or copied to shared memory may be read by products, after a barrier. */
DEVFN void products_may_read() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/* Before products: registers that hold sums are as the program left them. */
DEVFN void products_begin() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/* Waits for all products, whose sums these are. */
template <int PRODUCTS, int SUMS>
DEVFN void products_wait(float (&sums)[PRODUCTS][SUMS]) {
  asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
  for (int i = 0; i < PRODUCTS * SUMS; i++) {
    asm volatile("" : "+f"(sums[i / SUMS][i % SUMS])::"memory"); /* not read before */
  }
}

/*
 * Where lines of 128 bytes begin, eight to a block of 1024 bytes that is aligned as such; pieces of
 * 16 bytes are permuted by the number of their line in the block.
 */
DEVFN unsigned long long matrix_at(unsigned address) {
  return (unsigned long long)((address & 0x3ffff) >> 4) | 1ull << 16 | (1024ull >> 4) << 32
      | 1ull << 62;
}

#define SUMS4(i) "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3])
#define SUMS16(i) SUMS4(i), SUMS4(i + 4), SUMS4(i + 8), SUMS4(i + 12)

/* c (64, 64) += a (64, 16) b (64, 16)^T; c as 16 x 8 products side by side, a warp's 16 lines. */
DEVFN void multiply_group(float (&c)[32], unsigned long long a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "%32, %33, 1, 1, 1, 0, 0;"
      : SUMS16(0), SUMS16(16)
      : "l"(a), "l"(b));
}

/* The same with a b of 128 lines. */
DEVFN void multiply_group(float (&c)[64], unsigned long long a, unsigned long long b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, 1, 1, 1, 0, 0;"
      : SUMS16(0), SUMS16(16), SUMS16(32), SUMS16(48)
      : "l"(a), "l"(b));
}
