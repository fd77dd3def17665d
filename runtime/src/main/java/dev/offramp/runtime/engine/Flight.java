package dev.offramp.runtime.engine;

import dev.offramp.kernels.Event;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A batch between {@link StageRunner#begin} and its last outcome. The device drops rows by itself,
 * by the same rule and the same numbers as the host, so the next stage can be queued before the
 * host has seen who left: {@link #advance} queues, {@link #settle} catches up. Where nobody is
 * left, what was queued beyond does nothing.
 */
final class Flight {
  /** No confidence is above it: such a stage's head is not even asked. */
  static final float PASS_BY = Float.POSITIVE_INFINITY;

  /** Stages that may be queued before the oldest of them is settled. */
  static final int AHEAD = 2;

  private final StageRunner runner;
  private final float[] floors;
  private final int lastStage;
  private final boolean whole;
  private final Outcome[] outcomes;
  private final Deque<Asked> asked = new ArrayDeque<>();
  private int[] live;
  private int nextStage;
  private int turn;

  /** An exit head whose answer is on its way. */
  private record Asked(int stage, StageRunner.Verdict verdict, Event event) {}

  /**
   * Queues the batch up to its first exit head.
   *
   * @param runner used by this batch alone until it is done
   * @param floors thresholds of the exits before the last
   * @param lastStage stage at which every row leaves
   * @param whole whether rows that have left are computed on with the others, until none is left
   */
  Flight(StageRunner runner, List<int[]> batch, float[] floors, int lastStage, boolean whole) {
    this.runner = runner;
    this.floors = floors;
    this.lastStage = lastStage;
    this.whole = whole;
    outcomes = new Outcome[batch.size()];
    live = IntStream.range(0, batch.size()).toArray();
    runner.begin(batch);
    advance();
  }

  /** Queues the stages up to the next exit head that is asked, if there is one. */
  void advance() {
    while (nextStage <= lastStage) {
      int stage = nextStage++;
      runner.advance(stage);
      boolean last = stage == lastStage;
      if (last || floors[stage] != PASS_BY) {
        StageRunner.Verdict verdict = runner.verdict(turn++);
        Event event = runner.ask(stage, whole ? outcomes.length : live.length, verdict);
        if (!last && !whole) {
          runner.release(stage, verdict, floors[stage]);
        }
        asked.add(new Asked(stage, verdict, event));
        return;
      }
    }
  }

  /**
   * Waits for the oldest answer and takes note of who left.
   *
   * @return whether all rows have left
   */
  boolean settle() {
    Asked oldest = asked.remove();
    oldest.event().await();
    boolean last = oldest.stage() == lastStage;
    float[] confidence = oldest.verdict().confidence();
    int[] prediction = oldest.verdict().prediction();
    int stay = 0;
    for (int i = 0; i < live.length; i++) {
      int at = whole ? live[i] : i; // where the device put its answer
      if (last || confidence[at] > floors[oldest.stage()]) {
        outcomes[live[i]] = new Outcome(prediction[at], confidence[at], oldest.stage());
      } else {
        live[stay++] = live[i];
      }
    }
    if (stay < live.length) {
      live = Arrays.copyOf(live, stay);
      if (!whole) {
        runner.left(live);
      }
    }
    return done();
  }

  StageRunner runner() {
    return runner;
  }

  /** Whether all rows have left. */
  boolean done() {
    return live.length == 0;
  }

  /** One outcome a row, in the order of the batch, once it is {@link #done}. */
  List<Outcome> outcomes() {
    return Arrays.asList(outcomes);
  }
}
