package dev.offramp.runtime.cli;

import dev.offramp.runtime.engine.DeviceStages;
import picocli.CommandLine.Option;

/** The size of a batch. */
final class BatchOption {
  private static final int MOST = DeviceStages.MOST_LANE_ROWS;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "rows a batch (default: ${DEFAULT-VALUE})")
  private int batch;

  /** Checks the size before there are inputs. */
  void check() {
    check(batch);
  }

  /** Rows a batch, but no more than there are: buffers are made for a whole batch. */
  int rows(int inputs) {
    return rows(batch, inputs);
  }

  /** As {@link #rows(int)}, for a command whose options stand in a group and cannot be mixed in. */
  static int rows(int batch, int inputs) {
    return Math.min(check(batch), Math.max(1, inputs));
  }

  /**
   * @throws dev.offramp.models.InputException if that is no size of a batch
   */
  static int check(int batch) {
    Range.check("--batch", batch, 1, MOST);
    return batch;
  }
}
