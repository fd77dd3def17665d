package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Stages;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Stages whose rows leave where a script says, on a clock that only moves when they run. It holds
 * the scheduler to the rules: a row runs each stage once, in order, in its own slot, in one step at
 * a time.
 */
final class ScriptedStages implements Stages {
  private static final float STAYS = 0.25f;
  private static final float LEAVES = 0.75f;
  private static final float MORE_AT_EACH_STAGE = 1f / 64;
  static final double LAMBDA = 0.5;
  private static final long NEVER = Long.MAX_VALUE;

  private final int[] exitOf; // by number of the row, which is its first token
  private final int count;
  private final int slots;
  private final int lanes;
  private final int laneRows;
  private final long[] nanosOfStage;
  private final int[] rowIn; // (slots and one more), number of the row, or -1
  private final int[] nextStage; // by number of the row
  private final Set<Integer> running = new HashSet<>();
  private final Launched[] launched;
  private final long[] busyUntil;
  long now;
  int steps;
  int failEvery = Integer.MAX_VALUE;

  /** Rows of the background, which run alone, and only when nobody else is under way. */
  final Set<Integer> background = new HashSet<>();

  /** Rows that have had a slot. */
  final Set<Integer> entered = new HashSet<>();

  /** Whether nobody else waits either when such a row runs. */
  boolean backgroundAfterAll;

  /** If not negative, the first comer of the rows that have waited this long must go next. */
  long maxWait = -1;

  private final int[] leavesAt; // by number of the row, the last stage it runs
  private final long[] waitsSince; // by number of the row, or never

  /** Whether the same row may run any stage again and again, in many slots. */
  boolean warmingUp;

  private record Launched(int from, int to, int[] rows, boolean fails) {}

  ScriptedStages(int[] exitOf, int count, int slots, int lanes, int laneRows, long[] nanosOfStage) {
    this.exitOf = exitOf;
    this.count = count;
    this.slots = slots;
    this.lanes = lanes;
    this.laneRows = laneRows;
    this.nanosOfStage = nanosOfStage;
    rowIn = new int[slots + 1];
    Arrays.fill(rowIn, -1);
    nextStage = new int[exitOf.length];
    leavesAt = exitOf.clone();
    waitsSince = new long[exitOf.length];
    Arrays.fill(waitsSince, NEVER);
    launched = new Launched[lanes];
    busyUntil = new long[lanes];
  }

  /** What the scheduler should say of a row that leaves there: every exit says something else. */
  int prediction(int row, int stage) {
    return 31 * row + stage;
  }

  /** As {@link #prediction(int, int)}. */
  float confidence(int row, int stage) {
    return (stage >= exitOf[row] ? LEAVES : STAYS) + stage * MORE_AT_EACH_STAGE;
  }

  /** As {@link #prediction(int, int)}. */
  float[] probabilities(int row, int stage) {
    return new float[] {row, stage};
  }

  @Override
  public int count() {
    return count;
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public int lanes() {
    return lanes;
  }

  @Override
  public int laneRows() {
    return laneRows;
  }

  @Override
  public int minTokens() {
    return 1;
  }

  @Override
  public int maxTokens() {
    return 16;
  }

  @Override
  public void enter(int slot, int[] tokens) {
    if (tokens.length > maxTokens()) {
      throw new IllegalArgumentException("a row of " + tokens.length + " numbers");
    }
    assertThat(running).as("rows of a slot that is used").doesNotContain(rowIn[slot]);
    rowIn[slot] = tokens[0];
    entered.add(tokens[0]);
    waitsSince[tokens[0]] = now;
  }

  /** Tells where a row leaves, if that is not where it is first confident. */
  void leavesAt(int row, int stage) {
    leavesAt[row] = stage;
  }

  @Override
  public void launch(
      int lane,
      int from,
      int to,
      Floors floors,
      int[] stepSlots,
      int[] lengths,
      int rows,
      boolean probabilities) {
    assertThat(launched[lane]).as("what is under way on the lane").isNull();
    assertThat(rows).isBetween(1, laneRows);
    assertThat(floors.asks(to)).as("a step ends where a head is asked").isTrue();
    if (maxWait >= 0) {
      for (int row = 0; row < waitsSince.length; row++) {
        if (waitsSince[row] != NEVER && waitsSince[row] + maxWait <= now) {
          assertThat(from)
              .as("stage of row %s, the first that is due", row)
              .isEqualTo(nextStage[row]);
          break;
        }
      }
    }
    int[] numbers = new int[rows];
    for (int i = 0; i < rows; i++) {
      numbers[i] = rowIn[stepSlots[i]];
      if (background.contains(numbers[i])) {
        checkBackground(rows, from, to, floors);
      }
      waitsSince[numbers[i]] = NEVER;
      if (!warmingUp) {
        assertThat(running.add(numbers[i])).as("row %s once", numbers[i]).isTrue();
        assertThat(nextStage[numbers[i]]).as("next stage of row %s", numbers[i]).isEqualTo(from);
        nextStage[numbers[i]] = to + 1;
      }
    }
    steps++;
    launched[lane] = new Launched(from, to, numbers, steps % failEvery == 0);
    long start = Math.max(now, Arrays.stream(busyUntil).max().orElseThrow());
    busyUntil[lane] = start + Arrays.stream(nanosOfStage, from, to + 1).sum();
  }

  private void checkBackground(int rows, int from, int to, Floors floors) {
    assertThat(rows).as("rows of a step of the background").isEqualTo(1);
    assertThat(running).as("who is under way beside the background").isEmpty();
    for (int stage = from; stage < to; stage++) {
      assertThat(floors.asks(stage)).as("a chance to let others go first").isFalse();
    }
    for (int row = 0; row < waitsSince.length && backgroundAfterAll; row++) {
      assertThat(background.contains(row) || waitsSince[row] == NEVER)
          .as("row %s waits while the background runs", row)
          .isTrue();
    }
  }

  @Override
  public void await(int lane) {
    Launched step = launched[lane];
    assertThat(step).as("what is awaited").isNotNull();
    now = Math.max(now, busyUntil[lane]);
    for (int row : step.rows) {
      running.remove(row);
      if (leavesAt[row] > step.to) {
        waitsSince[row] = now;
      }
    }
    if (step.fails) {
      launched[lane] = null;
      throw new IllegalStateException("scripted fault in step " + steps);
    }
    last = step;
    launched[lane] = null;
  }

  private Launched last;

  @Override
  public float confidence(int lane, int stage, int i) {
    return confidence(last.rows[i], stage);
  }

  @Override
  public int prediction(int lane, int stage, int i) {
    return prediction(last.rows[i], stage);
  }

  @Override
  public float[] probabilities(int lane, int stage, int i) {
    return probabilities(last.rows[i], stage);
  }

  List<Integer> runningRows() {
    return List.copyOf(running);
  }

  @Override
  public void close() {}
}
