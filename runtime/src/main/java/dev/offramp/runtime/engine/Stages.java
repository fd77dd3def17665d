package dev.offramp.runtime.engine;

/**
 * What a scheduler needs of a device: stages of a network, run on any rows of a store. A row enters
 * a slot and stays there until it leaves. Stages run on a lane, a table of rows of its own; as many
 * lanes may be under way at a time as there are. Not thread-safe.
 */
public interface Stages extends AutoCloseable {
  /** Number of stages, each of which ends at an exit. */
  int count();

  /** Rows that can be on their way at a time; there is one slot more, of this number. */
  int slots();

  /** Steps that can be under way at a time. */
  int lanes();

  /** Rows that a lane takes at most. */
  int laneRows();

  /** Shortest row. */
  int minTokens();

  /** Longest row. */
  int maxTokens();

  /** Puts token ids into a slot, whose former row is of no interest any more. */
  void enter(int slot, int[] tokens);

  /**
   * Queues stages on a lane, and at each of their exits that is asked the exit head. Nobody leaves
   * in between.
   *
   * @param from first stage; its input is what the stage before left in these slots, or for stage 0
   *     the token ids
   * @param to last stage
   * @param floors tells which heads are asked
   * @param slots the rows' slots
   * @param lengths their numbers of tokens
   * @param count how many entries of both count, 1 to {@link #laneRows()}
   * @param probabilities whether {@link #probabilities} will be asked
   */
  void launch(
      int lane,
      int from,
      int to,
      Floors floors,
      int[] slots,
      int[] lengths,
      int count,
      boolean probabilities);

  /**
   * Waits for what was launched last on the lane.
   *
   * @throws dev.offramp.kernels.DeviceException if the device failed
   */
  void await(int lane);

  /** After {@link #await}: confidence of entry i at the exit of a stage that was asked. */
  float confidence(int lane, int stage, int i);

  /** After {@link #await}: predicted class of entry i at the exit of a stage that was asked. */
  int prediction(int lane, int stage, int i);

  /**
   * After {@link #await} of a launch that was told so: probabilities of the classes of entry i at
   * the exit of a stage that was asked, in an array of its own.
   */
  float[] probabilities(int lane, int stage, int i);

  @Override
  void close();
}
