package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.DeviceStages;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.engine.Scope;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Runs any number of rows that are all there already, as fast as the device can: steps are kept
 * full by rows of what would have been later batches. Not thread-safe.
 */
public final class BulkRunner implements AutoCloseable {
  private static final int ROWS_A_REPORT = 64;

  private final DeviceStages stages;
  private final Scheduler scheduler;

  /**
   * Allocates slots. Where the device queues its work, so that looking at an exit has a price, it
   * is measured first, which takes about a second.
   *
   * @param network stays open when this is closed
   * @param thresholds as {@link BatchRunner#run} takes them
   * @param batch rows of a step at most
   * @param maxTokens longest row
   */
  public BulkRunner(Network network, double[] thresholds, int batch, int maxTokens) {
    Floors floors = Floors.of(thresholds, network.stages());
    try (Scope failed = new Scope()) {
      stages = failed.add(DeviceStages.open(network, batch, maxTokens, false));
      CostModel cost = network.device().queues() ? WarmUp.measure(stages) : null;
      scheduler = new Scheduler(stages, floors, cost, Scheduler.PATIENT, System::nanoTime);
      failed.release();
    }
  }

  /** What has happened so far. */
  public Counters counters() {
    return scheduler.counters();
  }

  /**
   * Runs rows.
   *
   * @param rows token ids of each row
   * @param done called with the number of rows finished, now and then
   * @return one outcome a row, in the order of the rows
   * @throws dev.offramp.kernels.DeviceException if the device failed
   */
  public List<Outcome> run(List<int[]> rows, IntConsumer done) {
    Outcome[] outcomes = new Outcome[rows.size()];
    var job = new Job(rows, outcomes, done);
    scheduler.run(job);
    if (job.failure instanceof Error error) {
      throw error;
    } else if (job.failure instanceof RuntimeException failure) {
      throw failure;
    }
    return Arrays.asList(outcomes);
  }

  /** The rows in their order; after a failure no more of them. */
  private static final class Job implements Intake {
    private final List<int[]> rows;
    private final Outcome[] outcomes;
    private final IntConsumer progress;
    private int next;
    private int finished;
    private Throwable failure;

    Job(List<int[]> rows, Outcome[] outcomes, IntConsumer progress) {
      this.rows = rows;
      this.outcomes = outcomes;
      this.progress = progress;
    }

    @Override
    public Row poll() {
      if (ended()) {
        return null;
      }
      int index = next++;
      return new Row() {
        @Override
        public int[] tokens() {
          return rows.get(index);
        }

        @Override
        public void done(Outcome outcome) {
          outcomes[index] = outcome;
          if (++finished % ROWS_A_REPORT == 0 || finished == rows.size()) {
            progress.accept(finished);
          }
        }

        @Override
        public void failed(Throwable cause) {
          failure = cause;
        }
      };
    }

    @Override
    public boolean ended() {
      return next == rows.size() || failure != null;
    }

    @Override
    public void await(long nanos) {
      throw new AssertionError("all rows are there: nothing to wait for");
    }
  }

  @Override
  public void close() {
    stages.close();
  }
}
