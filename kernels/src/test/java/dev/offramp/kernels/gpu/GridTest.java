package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import org.junit.jupiter.api.Test;

/** What would be cut off or refused by a driver is said before. */
class GridTest {
  @Test
  void moreGroupsThanDevicesTake() {
    assertThat(Grid.of(Integer.MAX_VALUE, 256).groupsX()).isEqualTo(Integer.MAX_VALUE);
    assertThat(Grid.of(1, 65_535, 32, 4).groupsY()).isEqualTo(65_535);
    assertThat(Grid.of(7, 1 << 20, 1, 1).groupsY()).as("of processors").isEqualTo(1 << 20);
    assertTooMany("2,147,483,648 x 1", 1L << 31, 1, 256);
    assertTooMany("2 x 4,294,967,297", 2, (1L << 32) + 1, 1);
    assertTooMany("1 x 65,536", 1, 65_536, 32);
  }

  private static void assertTooMany(String groups, long across, long down, int items) {
    assertThatThrownBy(() -> Grid.of(across, down, items, 1))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(groups + " groups")
        .hasMessageContaining("use a smaller batch");
  }
}
