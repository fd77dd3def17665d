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
  /** Stages that may be queued before the oldest of them is settled. */
  static final int AHEAD = 2;

  private final StageRunner runner;
  private final List<StageRunner.Verdict> verdicts;
  private final Floors floors;
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
   * @param verdicts room for {@value #AHEAD} of them, used in turns
   * @param whole whether rows that have left are computed on with the others, until none is left
   */
  Flight(
      StageRunner runner,
      List<StageRunner.Verdict> verdicts,
      List<int[]> batch,
      Floors floors,
      boolean whole) {
    this.runner = runner;
    this.verdicts = verdicts;
    this.floors = floors;
    this.whole = whole;
    outcomes = new Outcome[batch.size()];
    live = IntStream.range(0, batch.size()).toArray();
    runner.begin(batch);
    advance();
  }

  /** Queues the stages up to the next exit head that is asked, if there is one. */
  void advance() {
    while (nextStage <= floors.last()) {
      int stage = nextStage++;
      runner.advance(stage);
      if (floors.asks(stage)) {
        StageRunner.Verdict verdict = verdicts.get(turn++ % verdicts.size());
        Event event = runner.ask(stage, whole ? outcomes.length : live.length, verdict);
        if (stage < floors.last() && !whole) {
          runner.release(stage, verdict, floors.at(stage));
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
    float[] confidence = oldest.verdict().confidence();
    int[] prediction = oldest.verdict().prediction();
    int stay = 0;
    for (int i = 0; i < live.length; i++) {
      int at = whole ? live[i] : i; // where the device put its answer
      if (floors.leaves(oldest.stage(), confidence[at])) {
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
    return live.length == 0;
  }

  /** One outcome a row, in the order of the batch, once all rows have left. */
  List<Outcome> outcomes() {
    return Arrays.asList(outcomes);
  }
}
