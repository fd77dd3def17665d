/* Multiply-adds on registers: 2 * 16 * rounds operations an item, times the width of PEAK. */
KERNEL void peak(int rounds, float factor, GLOBAL float* out) {
  AWAIT_EARLIER();
  PEAK sum[16];
  UNROLL
  for (int i = 0; i < 16; i++) {
    sum[i] = (PEAK)((float)(LANE + i));
  }
  PEAK x = (PEAK)(factor);
  for (int r = 0; r < rounds; r++) {
    UNROLL
    for (int i = 0; i < 16; i++) {
      sum[i] = FMA(sum[i], x, x);
    }
  }
  PEAK all = sum[0];
  UNROLL
  for (int i = 1; i < 16; i++) {
    all += sum[i];
  }
  if (PEAK_SUM(all) == 12345.678f) {
    out[0] = 1.0f; /* never: keeps the sums from being dropped */
  }
}
