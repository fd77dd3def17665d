package dev.offramp.kernels.gpu;

/**
 * How many groups of how many work items run a kernel.
 *
 * @param groupsX groups along x, at least 1
 * @param groupsY groups along y, at least 1, at most 65,535
 * @param itemsX items of a group along x
 * @param itemsY items of a group along y
 * @param localBytes local memory of a group beyond what the kernel declares itself; CUDA only
 */
public record Grid(int groupsX, int groupsY, int itemsX, int itemsY, int localBytes) {
  /** Most groups along y on every device. */
  static final int MOST_GROUPS_Y = 65_535;

  public Grid {
    if (groupsX < 1 || groupsY < 1 || groupsY > MOST_GROUPS_Y || itemsX < 1 || itemsY < 1) {
      throw new IllegalArgumentException(
          "a grid of %d x %d groups of %d x %d items".formatted(groupsX, groupsY, itemsX, itemsY));
    }
  }

  public static Grid of(int groups, int items) {
    return new Grid(groups, 1, items, 1, 0);
  }

  public static Grid of(int groups, int itemsX, int itemsY) {
    return new Grid(groups, 1, itemsX, itemsY, 0);
  }
}
