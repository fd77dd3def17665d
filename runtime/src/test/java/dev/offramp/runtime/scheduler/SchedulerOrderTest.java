package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.scheduler.RandomRun.Exits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Who goes next, with how many others, and how long one waits for them. */
class SchedulerOrderTest {
  private static final int RUNS = 600;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final Random random = new Random(seed);

  SchedulerOrderTest() {
    System.out.println("SchedulerOrderTest: offramp.seed=" + seed);
  }

  /**
   * Nobody starves: while rows are due, the first comer of them is served. The stages look at each
   * launch.
   */
  @Test
  void theFirstComerOfThoseWhoAreDueGoesNext() {
    int watched = 0;
    for (int run = 0; run < RUNS; run++) {
      RandomRun one =
          new RandomRun(Exits.values()[random.nextInt(Exits.values().length)], 150, random);
      if (one.maxWait == Scheduler.PATIENT) {
        continue;
      }
      one.stages.maxWait = one.maxWait;
      one.guests.forEach(guest -> one.stages.leavesAt(guest.number, one.expectedExit(guest)));
      one.go();
      for (Guest guest : one.guests) {
        // A launch that broke the rule would have failed its rows.
        assertThat(guest.ends)
            .as("seed %s, run %s", seed, run)
            .containsExactly(one.expected(guest));
      }
      watched++;
    }
    assertThat(watched).isGreaterThan(RUNS / 4);
  }

  /** Stages run on together where looking costs more than those are worth who leave. */
  @Test
  void stepsFuseWhereLookingDoesNotPay() {
    assertThat(stepsWithLook(0)).as("every exit looked at").isEqualTo(5);
    // One row in four leaves at each exit: after two exits 44 %, after three 58 % are known to.
    assertThat(stepsWithLook(500)).as("some exits looked at").isBetween(2, 4);
    assertThat(stepsWithLook(1_000_000)).as("no exit looked at but the last").isEqualTo(1);
  }

  /** Steps that a full lane of rows takes, once the scheduler knows how many leave. */
  private static int stepsWithLook(double look) {
    int rows = 64;
    int batches = 40;
    int[] exitOf = new int[rows * batches];
    for (int row = 0; row < exitOf.length; row++) {
      int exit = 0;
      for (int draw = row % rows + 1; exit < 4 && draw % 4 != 0; draw = 3 * draw / 4 + 1) {
        exit++;
      }
      exitOf[row] = exit;
    }
    long[] nanos = {1000, 1000, 1000, 1000, 1000};
    var stages = new ScriptedStages(exitOf, 5, rows, 1, rows, nanos);
    double[] thresholds = new double[4];
    Arrays.fill(thresholds, ScriptedStages.LAMBDA);
    double[][] times = new double[5][];
    Arrays.fill(times, new double[] {500, 1000});
    CostModel cost = new CostModel(new int[] {rows / 2, rows}, times, look);
    List<Guest> guests = new ArrayList<>();
    for (int row = 0; row < exitOf.length; row++) {
      guests.add(new Guest(row, 1, 1_000_000L * (row / rows), stages));
    }
    var scheduler = new Scheduler(stages, Floors.of(thresholds, 5), cost, 0, () -> stages.now);
    int[] stepsBefore = new int[1];
    scheduler.run(
        new Door(guests, stages) {
          @Override
          public void await(long wait) {
            super.await(wait);
            stepsBefore[0] = stages.steps; // of all batches but the last
          }
        });
    return stages.steps - stepsBefore[0];
  }

  /** A row alone waits for company at every stage, and not a nanosecond longer. */
  @Test
  void aRowAloneWaitsTheMaximumWaitAtEveryStage() {
    long[] nanos = {700, 900, 1100};
    var stages = new ScriptedStages(new int[] {2, 2}, 3, 8, 1, 4, nanos);
    Guest first = new Guest(0, 5, 0, stages);
    Guest last = new Guest(1, 5, 1_000_000, stages);
    var scheduler = scheduler(stages, 10 * RandomRun.STAGE);
    scheduler.run(new Door(List.of(first, last), stages));
    assertThat(first.ended).isEqualTo(3 * 10 * RandomRun.STAGE + 2_700);
    assertThat(last.ended).as("nobody can come after it").isEqualTo(1_000_000 + 2_700);
  }

  /** At a stage whose wait it cannot afford, with those after it, it goes on at once. */
  @Test
  void aDeadlineIsWeighedAgainstTheStagesThatAreLeft() {
    long wait = 10 * RandomRun.STAGE;
    var stages = new ScriptedStages(new int[] {2, 2}, 3, 8, 1, 4, new long[] {700, 900, 1100});
    Guest hurried = new Guest(0, 5, 0, stages);
    hurried.deadline = 3 * wait; // Not for three waits, but for two after a stage of 700.
    var scheduler = scheduler(stages, wait);
    scheduler.run(new Door(List.of(hurried, new Guest(1, 5, 1_000_000, stages)), stages));
    assertThat(hurried.ended).isEqualTo(700 + wait + 900 + wait + 1_100);
  }

  /** What it would wait at the first of three stages it lacks at the last. */
  @Test
  void aDeadlineIsWeighedAgainstAllStagesThatAreLeft() {
    long wait = 10 * RandomRun.STAGE;
    var stages = new ScriptedStages(new int[] {2, 2}, 3, 8, 1, 4, new long[] {700, 900, 1100});
    Guest hurried = new Guest(0, 5, 0, stages);
    hurried.deadline = wait + 500;
    var scheduler = scheduler(stages, wait);
    scheduler.run(new Door(List.of(hurried, new Guest(1, 5, 1_000_000, stages)), stages));
    assertThat(hurried.ends).as("dropped, had it waited").hasSize(1).doesNotContain("dropped");
    assertThat(hurried.ended).isEqualTo(700 + 900 + 1_100);
  }

  /** It has a slot already, and the others must not wait for its work. */
  @Test
  void aRowThatIsCancelledWhileItWaitsIsNotRun() {
    var stages = new ScriptedStages(new int[] {2, 2}, 3, 8, 1, 4, new long[] {700, 900, 1100});
    Guest fickle = new Guest(0, 5, 0, stages);
    Guest last = new Guest(1, 5, 1_000_000, stages);
    var scheduler = scheduler(stages, 10 * RandomRun.STAGE);
    scheduler.run(
        new Door(List.of(fickle, last), stages) {
          @Override
          public void await(long nanos) {
            super.await(nanos);
            fickle.cancelled = true;
          }
        });
    assertThat(fickle.ends).containsExactly("dropped");
    assertThat(last.ended).isEqualTo(1_000_000 + 2_700);
    assertThat(stages.steps).as("those of the other row").isEqualTo(3);
  }

  private static Scheduler scheduler(ScriptedStages stages, long maxWait) {
    double[] thresholds = {ScriptedStages.LAMBDA, ScriptedStages.LAMBDA};
    return new Scheduler(stages, Floors.of(thresholds, 3), null, maxWait, () -> stages.now);
  }

  /** In a stream without end steps are full, though every row leaves on its own. */
  @Test
  void stepsAreFullWhileRowsCome() {
    int rows = 4_000;
    int[] exitOf = random.ints(rows, 0, 6).toArray();
    var stages =
        new ScriptedStages(exitOf, 6, 64, 1, 32, random.longs(6, 1, RandomRun.STAGE).toArray());
    double[] thresholds = new double[5];
    Arrays.fill(thresholds, ScriptedStages.LAMBDA);
    List<Guest> guests = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      guests.add(new Guest(row, 8, 0, stages));
    }
    var scheduler =
        new Scheduler(stages, Floors.of(thresholds, 6), null, Scheduler.PATIENT, () -> stages.now);
    scheduler.run(new Door(guests, stages));
    long run = Arrays.stream(scheduler.counters().rows()).sum();
    long needed = Arrays.stream(exitOf).mapToLong(exit -> exit + 1).sum();
    assertThat(run).as("each row runs the stages up to its exit").isEqualTo(needed);
    double meanStep = (double) run / Arrays.stream(scheduler.counters().steps()).sum();
    assertThat(meanStep).as("rows of a step of at most 32").isGreaterThan(20);
  }
}
