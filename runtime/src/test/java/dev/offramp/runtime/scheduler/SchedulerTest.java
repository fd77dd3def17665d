package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The scheduler on scripted stages and a clock of their own: thousands of random runs, each of
 * which can be repeated by its seed.
 */
class SchedulerTest {
  private static final int RUNS = 600;
  private static final long STAGE = 1_000;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final Random random = new Random(seed);

  SchedulerTest() {
    System.out.println("SchedulerTest: offramp.seed=" + seed);
  }

  /** Where rows leave. */
  enum Exits {
    ALL_AT_FIRST,
    NONE_EARLY,
    ANYWHERE,
    ONE_STRAGGLER_IN_A_BATCH,
    LATER_AND_LATER,
    IN_WAVES;

    int of(int row, int stages, int batch, Random random) {
      return switch (this) {
        case ALL_AT_FIRST -> 0;
        case NONE_EARLY -> stages - 1;
        case ANYWHERE -> random.nextInt(stages);
        case ONE_STRAGGLER_IN_A_BATCH -> row % batch == batch - 1 ? stages - 1 : 0;
        case LATER_AND_LATER -> row % stages;
        case IN_WAVES -> row / batch % 2 == 0 ? 0 : stages - 1;
      };
    }
  }

  /** A row that knows when it came and what became of it. */
  private static final class Guest implements Row {
    final int number;
    final int[] tokens;
    final long arrival;
    boolean fullDepth;
    boolean cancelled;
    boolean audited;
    boolean probabilities;
    long deadline = NO_DEADLINE;
    final List<Object> ends = new ArrayList<>();
    long ended;
    private final ScriptedStages stages;

    Guest(int number, int length, long arrival, ScriptedStages stages) {
      this.number = number;
      tokens = new int[length];
      tokens[0] = number;
      this.arrival = arrival;
      this.stages = stages;
    }

    @Override
    public int[] tokens() {
      return tokens;
    }

    @Override
    public boolean fullDepth() {
      return fullDepth;
    }

    @Override
    public boolean cancelled() {
      return cancelled;
    }

    @Override
    public long deadline() {
      return deadline;
    }

    @Override
    public boolean probabilities() {
      return probabilities;
    }

    @Override
    public void done(Outcome outcome) {
      end(outcome);
    }

    @Override
    public void failed(Throwable cause) {
      end(cause);
    }

    @Override
    public void dropped() {
      end("dropped");
    }

    AuditRow audit() {
      return new AuditRow() {
        @Override
        public int[] tokens() {
          return tokens;
        }

        @Override
        public boolean probabilities() {
          return probabilities;
        }

        @Override
        public void done(Outcome early, Outcome full) {
          end(List.of(early, full));
        }

        @Override
        public void failed(Throwable cause) {
          end(cause);
        }

        @Override
        public void dropped() {
          end("dropped");
        }
      };
    }

    private void end(Object how) {
      ends.add(how);
      ended = stages.now;
    }
  }

  /** Guests come at their times; waiting moves the clock. */
  private static class Door implements Intake {
    private final Deque<Guest> coming = new ArrayDeque<>();
    private final Deque<Guest> background = new ArrayDeque<>();
    private final ScriptedStages stages;

    Door(List<Guest> guests, ScriptedStages stages) {
      guests.forEach(guest -> (guest.audited ? background : coming).add(guest));
      this.stages = stages;
    }

    @Override
    public Row poll() {
      return coming.isEmpty() || coming.peek().arrival > stages.now ? null : coming.remove();
    }

    @Override
    public AuditRow pollBackground() {
      boolean none = background.isEmpty() || background.peek().arrival > stages.now;
      return none ? null : background.remove().audit();
    }

    @Override
    public boolean ended() {
      return coming.isEmpty();
    }

    @Override
    public void await(long nanos) {
      assertThat(nanos).as("a wait while somebody is overdue").isPositive();
      assertThat(coming.isEmpty() && nanos == Long.MAX_VALUE).as("a wait for ever").isFalse();
      long next = coming.isEmpty() ? Long.MAX_VALUE : coming.peek().arrival;
      long until = nanos == Long.MAX_VALUE ? next : Math.min(next, stages.now + nanos);
      stages.now = Math.max(stages.now, until);
    }
  }

  /** One random run. */
  private final class Run {
    final int stageCount = 1 + random.nextInt(7);
    final int laneRows = 1 + random.nextInt(9);
    final int lanes = 1 + random.nextInt(2);
    final int slots = laneRows * (1 + random.nextInt(4));
    final long maxWait =
        switch (random.nextInt(3)) {
          case 0 -> 0;
          case 1 -> STAGE * random.nextInt(20);
          default -> Scheduler.PATIENT;
        };
    final CostModel cost = random.nextBoolean() ? null : randomCost();
    final double[] thresholds = new double[stageCount - 1];
    final ScriptedStages stages;
    final List<Guest> guests = new ArrayList<>();
    final int[] exitOf;

    Run(Exits exits, int rows) {
      Arrays.fill(thresholds, ScriptedStages.LAMBDA);
      for (int e = 0; e < thresholds.length; e++) {
        if (random.nextInt(5) == 0) {
          thresholds[e] = Floors.NEVER;
        }
      }
      exitOf = new int[rows];
      for (int row = 0; row < rows; row++) {
        exitOf[row] = exits.of(row, stageCount, laneRows, random);
      }
      stages =
          new ScriptedStages(
              exitOf,
              stageCount,
              slots,
              lanes,
              laneRows,
              random.longs(stageCount, 1, 2 * STAGE).toArray());
      long arrival = 0;
      long gap = random.nextInt(3) * STAGE;
      for (int row = 0; row < rows; row++) {
        guests.add(new Guest(row, 1 + random.nextInt(16), arrival, stages));
        arrival += gap == 0 ? 0 : random.nextLong(2 * gap);
      }
    }

    private CostModel randomCost() {
      double[][] nanos = new double[stageCount][3];
      for (double[] times : nanos) {
        times[0] = 1 + random.nextInt(1000);
        times[1] = times[0] * (1 + random.nextDouble());
        times[2] = times[1] * (1 + random.nextDouble());
      }
      double look = random.nextInt(3) * random.nextInt(1000);
      return new CostModel(new int[] {8, 16, 32}, nanos, look);
    }

    Scheduler go() {
      var scheduler =
          new Scheduler(stages, Floors.of(thresholds, stageCount), cost, maxWait, () -> stages.now);
      scheduler.run(new Door(guests, stages));
      assertThat(stages.runningRows()).isEmpty();
      return scheduler;
    }

    /** Where a row leaves: at the first exit that is asked from its own on. */
    int expectedExit(Guest guest) {
      int exit = guest.fullDepth ? stageCount - 1 : exitOf[guest.number];
      while (exit < stageCount - 1 && thresholds[exit] == Floors.NEVER) {
        exit++;
      }
      return exit;
    }

    Outcome expected(Guest guest) {
      int exit = expectedExit(guest);
      // The last exit takes whoever comes, at whatever confidence.
      float confidence =
          exit >= exitOf[guest.number] ? ScriptedStages.LEAVES : ScriptedStages.STAYS;
      return new Outcome(stages.prediction(guest.number), confidence, exit);
    }
  }

  @ParameterizedTest
  @EnumSource(Exits.class)
  void everyRowOnceWithItsOwnOutcome(Exits exits) {
    int steps = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(exits, random.nextInt(200));
      one.guests.forEach(guest -> guest.fullDepth = random.nextInt(20) == 0);
      Scheduler scheduler = one.go();
      for (Guest guest : one.guests) {
        assertThat(guest.ends)
            .as("seed %s, run %s", seed, run)
            .containsExactly(one.expected(guest));
      }
      assertThat(scheduler.counters().done()).isEqualTo(one.guests.size());
      steps += one.stages.steps;
    }
    assertThat(steps).as("batches in all").isGreaterThan(5_000);
  }

  /**
   * Audits run to the end where there is time, tell what the row would have left with and what the
   * last exit says, and change nothing for all others.
   */
  @Test
  void auditsTakeIdleTimeOnly() {
    int done = 0;
    int dropped = 0;
    int early = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(Exits.ANYWHERE, random.nextInt(200));
      for (Guest guest : one.guests) {
        guest.probabilities = random.nextInt(8) == 0;
        guest.audited = random.nextInt(5) == 0;
        if (guest.audited) {
          one.stages.background.add(guest.number);
          one.stages.leavesAt(guest.number, one.stageCount - 1);
        }
      }
      one.stages.backgroundAfterAll = one.maxWait == 0;
      Scheduler scheduler = one.go();
      long front = 0;
      for (Guest guest : one.guests) {
        String where = "seed %s, run %s".formatted(seed, run);
        front += guest.audited ? 0 : 1;
        if (!guest.audited) {
          assertThat(guest.ends).as(where).hasSize(1);
          check(one, guest, (Outcome) guest.ends.getFirst(), where);
        } else if (guest.ends.isEmpty() || guest.ends.equals(List.of("dropped"))) {
          dropped++;
        } else {
          assertThat(guest.ends).as(where).hasSize(1);
          List<?> outcomes = (List<?>) guest.ends.getFirst();
          check(one, guest, (Outcome) outcomes.get(0), where);
          early += outcomes.get(0) == outcomes.get(1) ? 0 : 1;
          guest.fullDepth = true;
          check(one, guest, (Outcome) outcomes.get(1), where);
          done++;
        }
      }
      assertThat(scheduler.counters().done()).as("rows that are counted").isEqualTo(front);
    }
    assertThat(done).as("the test is void if none is done").isGreaterThan(RUNS);
    assertThat(early).as("or none would have left early").isGreaterThan(RUNS);
    assertThat(dropped).as("or if there is always time").isGreaterThan(RUNS / 10);
  }

  private static void check(Run run, Guest guest, Outcome outcome, String where) {
    assertThat(new Outcome(outcome.prediction(), outcome.confidence(), outcome.exit()))
        .as(where)
        .isEqualTo(run.expected(guest));
    if (guest.probabilities) {
      assertThat(outcome.probabilities()).containsExactly(guest.number, guest.number);
    } else {
      assertThat(outcome.probabilities()).isNull();
    }
  }

  /** A fault of the device fails the audit that was under way, and the next ones go on. */
  @Test
  void aFaultFailsOneAudit() {
    var stages = new ScriptedStages(new int[] {1, 1, 1, 2}, 3, 4, 1, 4, new long[] {5, 5, 5});
    stages.failEvery = 5;
    List<Guest> guests = new ArrayList<>();
    for (int row = 0; row < 4; row++) {
      guests.add(new Guest(row, 3, row < 3 ? 0 : 1_000, stages));
      guests.get(row).audited = row < 3;
    }
    double[] thresholds = {ScriptedStages.LAMBDA, ScriptedStages.LAMBDA};
    var scheduler = new Scheduler(stages, Floors.of(thresholds, 3), null, 0, () -> stages.now);
    scheduler.run(new Door(guests, stages));
    assertThat(guests.get(0).ends.getFirst()).isInstanceOf(List.class);
    assertThat(guests.get(1).ends.getFirst()).isInstanceOf(IllegalStateException.class);
    assertThat(guests.get(2).ends.getFirst()).isInstanceOf(List.class);
  }

  /** Rows that nobody wants any more are let go, all others are as if they had not been there. */
  @Test
  void cancelledAndLateRows() {
    int dropped = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(Exits.ANYWHERE, random.nextInt(200));
      for (Guest guest : one.guests) {
        guest.cancelled = random.nextInt(10) == 0;
        if (random.nextInt(4) == 0) {
          guest.deadline = guest.arrival + random.nextLong(30 * STAGE);
        }
      }
      Scheduler scheduler = one.go();
      for (Guest guest : one.guests) {
        assertThat(guest.ends).as("seed %s, run %s", seed, run).hasSize(1);
        if (guest.ends.contains("dropped")) {
          dropped++;
          assertThat(guest.cancelled || guest.ended >= guest.deadline).isTrue();
        } else {
          assertThat(guest.cancelled).isFalse();
          assertThat(guest.ends).containsExactly(one.expected(guest));
        }
      }
      assertThat(scheduler.counters().done() + scheduler.counters().droppedRows())
          .isEqualTo(one.guests.size());
    }
    assertThat(dropped).as("the test is void if nobody is dropped").isGreaterThan(RUNS);
  }

  /** A step that fails takes its own rows along, no others. */
  @Test
  void faultsStayWithTheirStep() {
    long failures = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(Exits.ANYWHERE, random.nextInt(200));
      one.stages.failEvery = 2 + random.nextInt(5);
      Scheduler scheduler = one.go();
      for (Guest guest : one.guests) {
        assertThat(guest.ends).as("seed %s, run %s", seed, run).hasSize(1);
        if (guest.ends.getFirst() instanceof Throwable cause) {
          failures++;
          assertThat(cause).hasMessageStartingWith("scripted fault");
        } else {
          assertThat(guest.ends).containsExactly(one.expected(guest));
        }
      }
      assertThat(scheduler.counters().done() + scheduler.counters().failedRows())
          .isEqualTo(one.guests.size());
    }
    assertThat(failures).as("the test is void if nothing fails").isGreaterThan(RUNS);
  }

  /**
   * Nobody starves: while rows are due, the first comer of them is served. The stages look at each
   * launch.
   */
  @Test
  void theFirstComerOfThoseWhoAreDueGoesNext() {
    int watched = 0;
    for (int run = 0; run < RUNS; run++) {
      Run one = new Run(Exits.values()[random.nextInt(Exits.values().length)], 150);
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
    var scheduler =
        new Scheduler(
            stages,
            Floors.of(new double[] {ScriptedStages.LAMBDA, ScriptedStages.LAMBDA}, 3),
            null,
            10 * STAGE,
            () -> stages.now);
    scheduler.run(new Door(List.of(first, last), stages));
    assertThat(first.ended).isEqualTo(3 * 10 * STAGE + 2_700);
    assertThat(last.ended).as("nobody can come after it").isEqualTo(1_000_000 + 2_700);
  }

  /** In a stream without end steps are full, though every row leaves on its own. */
  @Test
  void stepsAreFullWhileRowsCome() {
    int rows = 4_000;
    int[] exitOf = random.ints(rows, 0, 6).toArray();
    var stages = new ScriptedStages(exitOf, 6, 64, 1, 32, random.longs(6, 1, STAGE).toArray());
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
