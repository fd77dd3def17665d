package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;

/**
 * How many groups of how many work items run a kernel.
 *
 * @param groupsX groups along x, at least 1
 * @param groupsY groups along y, at least 1; at most 65,535 unless a group is a single item, which
 *     only processors run
 * @param itemsX items of a group along x
 * @param itemsY items of a group along y
 * @param localBytes local memory of a group beyond what the kernel declares itself; CUDA only
 */
public record Grid(int groupsX, int groupsY, int itemsX, int itemsY, int localBytes) {
  /** Most groups along y on cards. */
  static final int MOST_GROUPS_Y = 65_535;

  /**
   * @throws DeviceException if there are more groups than devices take
   */
  public Grid {
    if (groupsX < 1 || groupsY < 1 || itemsX < 1 || itemsY < 1) {
      throw new IllegalArgumentException(
          "a grid of %d x %d groups of %d x %d items".formatted(groupsX, groupsY, itemsX, itemsY));
    }
    if (groupsY > MOST_GROUPS_Y && (itemsX > 1 || itemsY > 1)) {
      throw tooMany(groupsX, groupsY);
    }
  }

  /** A grid along x; its groups are counted in longs, since what they are made of may be many. */
  public static Grid of(long groups, int items) {
    return of(groups, 1, items, 1);
  }

  public static Grid of(long groups, int itemsX, int itemsY) {
    return of(groups, 1, itemsX, itemsY);
  }

  static Grid of(long groupsX, long groupsY, int itemsX, int itemsY) {
    if (groupsX > Integer.MAX_VALUE || groupsY > Integer.MAX_VALUE) {
      throw tooMany(groupsX, groupsY);
    }
    return new Grid((int) groupsX, (int) groupsY, itemsX, itemsY, 0);
  }

  private static DeviceException tooMany(long groupsX, long groupsY) {
    return new DeviceException(
        "A launch of %,d x %,d groups is more than a device takes; use a smaller batch"
            .formatted(groupsX, groupsY));
  }
}
