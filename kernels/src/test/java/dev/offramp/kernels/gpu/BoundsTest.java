package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BoundsTest {
  private static final int COUNTS = 100_000;

  @Test
  void bucketsCoverWithLittleToSpare() {
    Bounds before = new Bounds(0, 0, 0, false).bucket();
    assertThat(before.rows()).as("no rows, no work").isZero();
    for (int count = 1; count <= COUNTS; count++) {
      Bounds bucket = new Bounds(count, count, count, false).bucket();
      int rows = bucket.rows();
      if (rows < count || rows > 1.25 * count + 1) {
        assertThat(rows).as("bucket of %d", count).isBetween(count, (int) (1.25 * count + 1));
      }
      if (rows < before.rows()) {
        assertThat(rows).as("bucket of %d", count).isGreaterThanOrEqualTo(before.rows());
      }
      assertThat(bucket.tokens()).isEqualTo(rows);
      assertThat(bucket.positions()).isEqualTo(rows);
      assertThat(bucket.dense()).isFalse();
      before = bucket;
    }
  }

  @Test
  void bucketsAreFewAndStay() {
    Set<Bounds> buckets = new HashSet<>();
    for (int count = 0; count <= COUNTS; count++) {
      Bounds bucket = new Bounds(count, 1, 1, false).bucket();
      buckets.add(bucket);
      if (!bucket.bucket().equals(bucket)) {
        assertThat(bucket.bucket()).isEqualTo(bucket);
      }
    }
    assertThat(buckets).hasSizeLessThan(100);
  }

  @Test
  void eachNumberIsRoundedByItself() {
    Bounds bucket = new Bounds(100, 3000, 37, false).bucket();
    assertThat(bucket.rows()).isEqualTo(new Bounds(100, 1, 1, false).bucket().rows());
    assertThat(bucket.tokens()).isEqualTo(new Bounds(1, 3000, 1, false).bucket().tokens());
    assertThat(bucket.positions()).isEqualTo(new Bounds(1, 1, 37, false).bucket().positions());
  }

  @Test
  void denseBoundsStayExact() {
    for (int rows = 0; rows <= 1000; rows++) {
      Bounds dense = new Bounds(rows, 37 * rows, 37, true);
      assertThat(dense.bucket()).isEqualTo(dense);
    }
  }
}
