package dev.offramp.runtime.bench;

import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.scheduler.BulkRunner;
import java.util.List;
import java.util.stream.IntStream;

/**
 * This runtime, at full depth or with exits.
 *
 * @param runner runs a batch at a time; stays open when the mode is closed
 * @param bulk runs the rows of all batches, or null where batch after batch is as fast
 */
public record BatchMode(String name, BatchRunner runner, BulkRunner bulk, double[] thresholds)
    implements Mode {
  public static final String FULL_DEPTH = "full-depth";
  public static final String EARLY_EXIT = "early-exit";

  private static final String ON = "-" + EARLY_EXIT;

  /** Name of early exit on a device beside the benched one; full depth there is named as it is. */
  static String earlyExitOn(String device) {
    return device + ON;
  }

  /** Name of full depth beside a mode of this runtime, on the same device. */
  static String fullDepthBeside(String mode) {
    return mode.endsWith(ON) ? mode.substring(0, mode.length() - ON.length()) : FULL_DEPTH;
  }

  /** Full depth; overlapped where the device queues its work. */
  public static BatchMode fullDepth(String name, BatchRunner runner) {
    double[] never = Floors.everywhere(Floors.NEVER, runner.stages());
    boolean overlap = runner.network().device().queues() && !runner.config().exits().isEmpty();
    return new BatchMode(name, runner, overlap ? bulk(runner, never) : null, never);
  }

  /** With exits, by the scheduler. */
  public static BatchMode earlyExit(String name, BatchRunner runner, double[] thresholds) {
    return new BatchMode(name, runner, bulk(runner, thresholds), thresholds);
  }

  private static BulkRunner bulk(BatchRunner runner, double[] thresholds) {
    return new BulkRunner(runner.network(), thresholds, runner.maxBatch(), runner.maxTokens());
  }

  /**
   * Its own scheduler, as an engine runs it.
   *
   * @param maxWaitNanos how long a row waits at a stage for others
   */
  Service serve(long maxWaitNanos) {
    return new EngineService(
        name, runner.network(), thresholds, runner.maxBatch(), runner.maxTokens(), maxWaitNanos);
  }

  /** Mean rows of the scheduler's steps at each stage, shape [stages]; NaN where none was run. */
  double[] stepRows() {
    long[] rows = bulk.counters().rows();
    long[] steps = bulk.counters().steps();
    return IntStream.range(0, rows.length).mapToDouble(s -> (double) rows[s] / steps[s]).toArray();
  }

  @Override
  public void run(List<int[]> batch) {
    if (runner.config().exits().isEmpty()) {
      runner.encode(batch);
    } else {
      runner.run(batch, thresholds);
    }
  }

  @Override
  public double timeAll(List<List<int[]>> batches) {
    if (bulk == null) {
      return Mode.super.timeAll(batches);
    }
    long start = System.nanoTime();
    bulk.run(batches.stream().flatMap(List::stream).toList(), done -> {});
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public void close() {
    if (bulk != null) {
      bulk.close();
    }
  }
}
