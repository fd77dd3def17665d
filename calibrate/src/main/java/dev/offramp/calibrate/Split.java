package dev.offramp.calibrate;

import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Samples in two parts, each in order of arrival.
 *
 * @param ordering those on which anything may be chosen
 * @param testing the others, for the tests
 */
record Split(int[] ordering, int[] testing) {
  /** Half of the samples, rounded down, drawn by seed for the ordering. */
  static Split of(int samples, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] shuffled = IntStream.range(0, samples).toArray();
    for (int i = samples - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = shuffled[i];
      shuffled[i] = shuffled[j];
      shuffled[j] = swapped;
    }
    int half = samples / 2;
    return new Split(
        IntStream.of(shuffled).limit(half).sorted().toArray(),
        IntStream.of(shuffled).skip(half).sorted().toArray());
  }

  /** No samples for the ordering. */
  static Split testAll(int samples) {
    return new Split(new int[0], IntStream.range(0, samples).toArray());
  }
}
