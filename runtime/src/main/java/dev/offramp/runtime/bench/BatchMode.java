package dev.offramp.runtime.bench;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.scheduler.BulkRunner;
import java.util.List;
import java.util.stream.IntStream;

/** This runtime, at full depth or with exits. */
public final class BatchMode implements Mode {
  public static final String FULL_DEPTH = "full-depth";
  public static final String EARLY_EXIT = "early-exit";

  private static final String ON = "-" + EARLY_EXIT;

  private final String name;
  private final BatchRunner runner;
  private final double[] thresholds;
  private final boolean overlaps;
  private BulkRunner bulk; // null until all batches are to be run

  /**
   * @param runner runs a batch at a time; stays open when the mode is closed
   * @param overlaps whether the rows of all batches are run together; if not, batch after batch is
   *     as fast
   */
  private BatchMode(String name, BatchRunner runner, double[] thresholds, boolean overlaps) {
    this.name = name;
    this.runner = runner;
    this.thresholds = thresholds;
    this.overlaps = overlaps;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean runsOn(DeviceInfo benched, boolean processor) {
    return runner.network().device().info().id().equals(benched.id());
  }

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
    return new BatchMode(name, runner, never, overlap);
  }

  /** With exits, by the scheduler. */
  public static BatchMode earlyExit(String name, BatchRunner runner, double[] thresholds) {
    return new BatchMode(name, runner, thresholds, true);
  }

  /** Whether all batches were run together so far. */
  boolean ranBulk() {
    return bulk != null;
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
  public boolean overlaps() {
    return overlaps;
  }

  @Override
  public double timeAll(List<List<int[]>> batches) {
    if (!overlaps) {
      return Mode.super.timeAll(batches);
    }
    if (bulk == null) {
      bulk = new BulkRunner(runner.network(), thresholds, runner.maxBatch(), runner.maxTokens());
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
