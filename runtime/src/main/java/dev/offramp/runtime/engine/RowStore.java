package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.models.InputException;
import java.lang.foreign.MemorySegment;

/**
 * What a device keeps of every row between its stages. A row has its place, a slot, from its first
 * stage to its exit, and nothing is moved when others come and go.
 */
final class RowStore implements AutoCloseable {
  /** The longest array of every virtual machine. */
  private static final int MOST_NUMBERS = Integer.MAX_VALUE - 8;

  private final Scope owned = new Scope();
  private final Device device;
  private final int capacity;
  private final int minTokens;
  private final int maxTokens;
  private final Activations activations;
  private final Buffer ids; // I32 (capacity, positions)
  private final int[] hostIds; // (capacity, positions)

  /**
   * Allocates slots.
   *
   * @param capacity number of slots
   * @param maxTokens longest row, at most the model's positions
   * @throws InputException if the ids of so many rows do not fit an array
   */
  static RowStore open(Network network, int capacity, int maxTokens) {
    if (capacity < 1) {
      throw new IllegalArgumentException("a batch of " + capacity + " rows: must be at least 1");
    }
    int most = network.config().architecture().maxPositions();
    int least = network.layers().shortestRow(most);
    if (maxTokens < least || maxTokens > most) {
      throw new IllegalArgumentException(
          "rows of %d numbers: the model takes %d to %d".formatted(maxTokens, least, most));
    }
    return new RowStore(network, least, capacity, maxTokens);
  }

  private RowStore(Network network, int minTokens, int capacity, int maxTokens) {
    this.device = network.device();
    this.capacity = capacity;
    this.minTokens = minTokens;
    this.maxTokens = maxTokens;
    hostIds = new int[numbers(capacity, maxTokens)];
    try (var failed = new Scope()) {
      failed.add(owned);
      Layers layers = network.layers();
      activations = owned.add(layers.allocate(capacity, layers.positions(maxTokens)));
      ids = owned.add(device.allocate(DataType.I32, hostIds.length));
      failed.release();
    }
  }

  /**
   * How many numbers rows are together.
   *
   * @throws InputException if they do not fit an array
   */
  static int numbers(int rows, int each) {
    long numbers = (long) rows * each;
    if (numbers > MOST_NUMBERS) {
      throw InputException.in(
          null,
          null,
          "%d rows of %d numbers do not fit; use a smaller --batch".formatted(rows, each));
    }
    return (int) numbers;
  }

  int capacity() {
    return capacity;
  }

  int maxTokens() {
    return maxTokens;
  }

  /** Shortest row. */
  int minTokens() {
    return minTokens;
  }

  Activations activations() {
    return activations;
  }

  Buffer ids() {
    return ids;
  }

  /**
   * Notes the token ids or pixels of a slot; {@link #upload} brings them to the device.
   *
   * @param positions stride of a slot, the same for all slots that are uploaded together
   */
  void put(int slot, int[] tokens, int positions) {
    if (tokens.length < minTokens || tokens.length > positions) {
      throw new IllegalArgumentException(
          "a row of %d numbers: must be %d to %d".formatted(tokens.length, minTokens, positions));
    }
    System.arraycopy(tokens, 0, hostIds, slot * positions, tokens.length);
  }

  /** Queues copying the ids of the slots from (inclusive) to (exclusive), in one piece. */
  void upload(int from, int to, int positions) {
    MemorySegment part =
        MemorySegment.ofArray(hostIds).asSlice(4L * from * positions, 4L * (to - from) * positions);
    device.copyIn(part, ids, (long) from * positions);
  }

  @Override
  public void close() {
    owned.close();
  }
}
