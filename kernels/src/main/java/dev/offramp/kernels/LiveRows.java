package dev.offramp.kernels;

/**
 * The rows of an activation buffer that are still being computed: an index table on the device.
 * Activations stay where they are, [capacity, positions, width]; operations find live rows through
 * this table, so a recording stays valid while rows leave.
 *
 * <p>A row is what exits: a sample with up to {@link #positions()} positions, which are a text's
 * tokens; an image is a single one. Only its first {@code length} positions are valid; whether a
 * device computes the rest is its own affair, and nobody may read them.
 */
public interface LiveRows extends AutoCloseable {
  /** Rows that the activation buffers have room for. */
  int capacity();

  /** Positions a row has room for: the stride of a row in the activation buffers, in positions. */
  int positions();

  /** Number of live rows. */
  int count();

  /**
   * Makes exactly these rows live, in this order, and sets the positions stride of the batch.
   *
   * @param rows distinct row numbers, each below {@link #capacity()}
   * @param lengths valid positions of the row of the same place, each in [1, positions]
   * @param count how many entries of both arrays count
   * @param positions stride of a row, at most the {@code maxPositions} the table was made with
   * @throws IllegalArgumentException if a number is out of range or a row is named twice
   */
  void load(int[] rows, int[] lengths, int count, int positions);

  /** As {@link #load(int[], int[], int, int)}, with all entries of two arrays of one length. */
  default void load(int[] rows, int[] lengths, int positions) {
    if (rows.length != lengths.length) {
      throw new IllegalArgumentException(
          "load: %d rows, but %d lengths".formatted(rows.length, lengths.length));
    }
    load(rows, lengths, rows.length, positions);
  }

  /**
   * Tells the device that there are no more live rows and valid positions than these by now, as the
   * caller has seen in a verdict: work can then be sized by it without asking the device.
   */
  default void atMost(int rows, int tokens) {}

  /** The live rows in their order (a copy). */
  int[] rows();

  @Override
  void close();
}
