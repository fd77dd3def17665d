package dev.offramp.runtime.scheduler;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.engine.Stages;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Runs rows through stages, each row on until it leaves, rows of any age together. Who left makes
 * room for new rows at once, so that steps stay large while a batch of its own would dwindle.
 *
 * <p>A step is the rows that wait for one stage, up to a full one. Which stage that is:
 *
 * <ol>
 *   <li>that of the first comer among the rows that have waited for the maximum wait;
 *   <li>else the deepest stage for which enough rows wait: a full step or, unless rows have all the
 *       time, so many that more would hardly be cheaper by row;
 *   <li>else, when no row can come in now that would make a step larger, the stage for which most
 *       wait; where a step is under way, half a full one is large enough. While more rows may come
 *       and none is overdue, it waits for them.
 * </ol>
 *
 * <p>When rows run together changes when outcomes come, never what they are.
 */
public final class Scheduler {
  /** A wait without end: a row waits until there are enough or no more come. */
  public static final long PATIENT = Long.MAX_VALUE;

  /** Weight of a new observation of an exit's share of leaving rows, for a full lane. */
  private static final double LEARNING = 0.2;

  private static final int NONE = -1;

  private final Stages stages;
  private final Floors floors;
  private final CostModel cost; // or null
  private final long maxWait;
  private final LongSupplier clock;
  private final Pools pools;
  private final Counters counters;
  private final Deque<Step> idle = new ArrayDeque<>();
  private final Deque<Step> underWay = new ArrayDeque<>(); // the one launched longest ago first
  private final Consumer<Row> dropping = this::drop;
  private final int[] enough; // (stages), tokens that make a step worth its while
  private final double[] leaving; // (stages), share of rows that leaves at an exit, as seen lately
  private final Background background;

  /**
   * @param stages used by this scheduler alone
   * @param floors where rows leave
   * @param cost what stages cost, or null: then only a full step is large enough, and every exit
   *     that is asked is looked at
   * @param maxWait nanoseconds that a row waits for others at each stage at most, when the device
   *     has nothing more urgent to do; 0 lets nobody wait, {@link #PATIENT} has no limit
   * @param clock nanoseconds, as deadlines count them
   */
  public Scheduler(Stages stages, Floors floors, CostModel cost, long maxWait, LongSupplier clock) {
    if (floors.last() != stages.count() - 1) {
      throw new IllegalArgumentException(
          "floors of %d exits for %d stages".formatted(floors.last() + 1, stages.count()));
    }
    if (maxWait < 0) {
      throw new IllegalArgumentException("a maximum wait of " + maxWait + " ns");
    }
    this.stages = stages;
    this.floors = floors;
    this.cost = cost;
    this.maxWait = maxWait;
    this.clock = clock;
    background = new Background(stages, floors);
    pools = new Pools(stages.slots(), stages.count());
    counters = new Counters(stages.count());
    enough = new int[stages.count()];
    // Who has all the time takes the last per cent too and waits for full steps.
    Arrays.setAll(
        enough, s -> cost == null || maxWait == PATIENT ? Integer.MAX_VALUE : cost.enough(s));
    leaving = new double[stages.count()];
    Arrays.fill(leaving, 1); // Looks, until it knows better.
    for (int lane = 0; lane < stages.lanes(); lane++) {
      idle.add(new Step(lane, stages.laneRows()));
    }
  }

  /** What has happened so far; may be read by any thread. */
  public Counters counters() {
    return counters;
  }

  /** Runs rows until the intake has ended and all of its rows have left. Audits end there, too. */
  public void run(Intake intake) {
    while (true) {
      boolean more = admit(intake);
      int stage = idle.isEmpty() ? NONE : choose(more);
      if (stage != NONE) {
        launch(stage);
      } else if (!underWay.isEmpty()) {
        settle();
      } else if (pools.isEmpty() && intake.ended()) {
        background.drop();
        return;
      } else if (!background.run(intake, idle.peek().lane)) {
        long next = pools.nextDue();
        intake.await(next == Long.MAX_VALUE ? next : Math.max(0, next - clock.getAsLong()));
      }
    }
  }

  /**
   * Gives slots to rows that have come.
   *
   * @return whether more rows may come in before one leaves
   */
  private boolean admit(Intake intake) {
    intake.sweep(clock.getAsLong(), dropping);
    while (pools.free() > 0) {
      Row row = intake.poll();
      if (row == null) {
        return !intake.ended();
      }
      long now = clock.getAsLong();
      if (row.unwanted(now)) {
        drop(row);
      } else {
        int slot = pools.enter(row);
        try {
          stages.enter(slot, row.tokens());
          pools.await(slot, 0, due(row, 0, now));
        } catch (IllegalArgumentException e) {
          fail(slot, e);
        }
      }
    }
    return false;
  }

  /** A row whose deadline might pass if it waited at all of its stages does not wait. */
  private long due(Row row, int stage, long now) {
    long patient = later(now, maxWait);
    if (row.deadline() == Row.NO_DEADLINE) {
      return patient;
    }
    long finished = now;
    for (int left = stage; left < stages.count(); left++) {
      long run = cost == null ? 0 : (long) cost.nanos(left, row.tokens().length);
      finished = later(later(finished, maxWait), run);
    }
    return row.deadline() <= finished ? now : patient;
  }

  private static long later(long time, long nanos) {
    return nanos > Long.MAX_VALUE - Math.max(0, time) ? Long.MAX_VALUE : time + nanos;
  }

  private void drop(Row row) {
    counters.dropped();
    row.dropped();
  }

  /** The stage to be run next, or {@link #NONE} if it is better to wait. */
  private int choose(boolean more) {
    int overdue = pools.overdue(clock.getAsLong());
    if (overdue != NONE) {
      return overdue;
    }
    int fullest = NONE;
    for (int stage = stages.count() - 1; stage >= 0; stage--) {
      int waiting = pools.waiting(stage);
      if (waiting >= stages.laneRows()
          || (waiting > 0 && pools.waitingTokens(stage) >= enough[stage])) {
        return stage;
      }
      if (waiting > (fullest == NONE ? 0 : pools.waiting(fullest))) {
        fullest = stage;
      }
    }
    if (underWay.isEmpty()) {
      return more ? NONE : fullest;
    }
    // What is under way may come back and make a step larger, but the device must not run dry.
    return fullest != NONE && 2 * pools.waiting(fullest) >= stages.laneRows() ? fullest : NONE;
  }

  private void launch(int stage) {
    Step step = idle.remove();
    step.begin(stage, clock.getAsLong());
    while (step.count < step.slots.length && pools.waiting(stage) > 0) {
      int slot = pools.take(stage);
      Row row = pools.row(slot);
      if (row.unwanted(step.launched)) {
        drop(row);
        pools.leave(slot);
      } else {
        step.add(slot, pools.length(slot), row.probabilities());
      }
    }
    if (step.count == 0) {
      idle.add(step);
      return;
    }
    step.to = lastStage(stage, step);
    try {
      stages.launch(
          step.lane,
          step.from,
          step.to,
          floors,
          step.slots,
          step.lengths,
          step.count,
          step.probabilities);
      underWay.add(step);
    } catch (RuntimeException | Error e) {
      fail(step, e);
    }
  }

  /** The next exit that is asked and worth looking at. */
  private int lastStage(int from, Step step) {
    boolean others = pools.free() + step.count < stages.slots();
    double staying = 1; // share of the rows that was confident at no exit so far
    int to = nextAsked(from);
    while (cost != null && to < floors.last()) {
      staying *= 1 - leaving[to];
      int next = nextAsked(to + 1);
      if (cost.pays(to + 1, next, step.tokens, 1 - staying, others)) {
        return to;
      }
      to = next;
    }
    return to;
  }

  private int nextAsked(int stage) {
    int asked = stage;
    while (!floors.asks(asked)) {
      asked++;
    }
    return asked;
  }

  private void settle() {
    Step step = underWay.remove();
    try {
      stages.await(step.lane);
    } catch (RuntimeException | Error e) {
      fail(step, e);
      return;
    }
    long now = clock.getAsLong();
    counters.step(step.from, step.to, step.count, now - step.launched);
    learn(step);
    for (int i = 0; i < step.count; i++) {
      int slot = step.slots[i];
      Row row = pools.row(slot);
      int exit = exit(step, i, row.fullDepth());
      if (exit == NONE) {
        pools.await(slot, step.to + 1, due(row, step.to + 1, now));
      } else {
        counters.left(exit);
        row.done(outcome(step, exit, i));
        pools.leave(slot); // Afterwards: a row that has a slot is not forgotten, whatever fails.
      }
    }
    idle.add(step);
  }

  private Outcome outcome(Step step, int exit, int i) {
    return new Outcome(
        stages.prediction(step.lane, exit, i),
        stages.confidence(step.lane, exit, i),
        exit,
        pools.row(step.slots[i]).probabilities() ? stages.probabilities(step.lane, exit, i) : null);
  }

  /** The first exit of the step at which entry i leaves, or {@link #NONE}. */
  private int exit(Step step, int i, boolean fullDepth) {
    for (int exit = step.from; exit <= step.to; exit++) {
      if (exit == floors.last()
          || (!fullDepth && floors.leaves(exit, stages.confidence(step.lane, exit, i)))) {
        return exit;
      }
    }
    return NONE;
  }

  /** Takes note of the share of rows that leave at each exit, which the profit test asks for. */
  private void learn(Step step) {
    if (cost == null) {
      return;
    }
    int came = step.count;
    for (int exit = step.from; exit <= step.to && exit < floors.last() && came > 0; exit++) {
      if (floors.asks(exit)) {
        int left = 0;
        for (int i = 0; i < step.count; i++) {
          left += exit(step, i, pools.row(step.slots[i]).fullDepth()) == exit ? 1 : 0;
        }
        double weight = LEARNING * came / step.slots.length;
        leaving[exit] += weight * ((double) left / came - leaving[exit]);
        came -= left;
      }
    }
  }

  /** Fails all rows on their way, after {@link #run} has ended by an exception. */
  public void abandon(Throwable cause) {
    background.drop();
    pools.rows().forEach(row -> row.failed(cause));
  }

  /** The rows of a step that failed go, all others stay. */
  private void fail(Step step, Throwable cause) {
    for (int i = 0; i < step.count; i++) {
      fail(step.slots[i], cause);
    }
    idle.add(step);
  }

  private void fail(int slot, Throwable cause) {
    counters.failed();
    pools.row(slot).failed(cause);
    pools.leave(slot);
  }
}
