package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.scheduler.RandomRun.Exits;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every row gets its own outcome, once, whatever becomes of the others: hundreds of random runs,
 * each of which can be repeated by its seed.
 */
class SchedulerOutcomeTest {
  private static final int RUNS = 600;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final Random random = new Random(seed);

  SchedulerOutcomeTest() {
    System.out.println("SchedulerOutcomeTest: offramp.seed=" + seed);
  }

  @ParameterizedTest
  @EnumSource(Exits.class)
  void everyRowOnceWithItsOwnOutcome(Exits exits) {
    int steps = 0;
    for (int run = 0; run < RUNS; run++) {
      RandomRun one = new RandomRun(exits, random.nextInt(200), random);
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
      RandomRun one = new RandomRun(Exits.ANYWHERE, random.nextInt(200), random);
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
        } else if (guest.ends.equals(List.of("dropped"))
            || (guest.ends.isEmpty() && !one.stages.entered.contains(guest.number))) {
          dropped++; // Whoever was begun is told of the end: somebody waits for it.
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

  private static void check(RandomRun run, Guest guest, Outcome outcome, String where) {
    assertThat(new Outcome(outcome.prediction(), outcome.confidence(), outcome.exit()))
        .as(where)
        .isEqualTo(run.expected(guest));
    if (guest.probabilities) {
      assertThat(outcome.probabilities())
          .as(where)
          .containsExactly(run.stages.probabilities(guest.number, run.expectedExit(guest)));
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

  /** What the stages do not take, be it a row or an audit, fails alone. */
  @Test
  void rowsThatDoNotFitFailAlone() {
    var stages = new ScriptedStages(new int[] {1, 1, 1, 1, 2}, 3, 4, 1, 4, new long[] {5, 5, 5});
    List<Guest> guests = new ArrayList<>();
    for (int row = 0; row < 5; row++) {
      int length = stages.maxTokens() + (row % 2 == 0 ? 0 : 1);
      guests.add(new Guest(row, length, row < 4 ? 0 : 1_000, stages));
      guests.get(row).audited = row == 2 || row == 3;
    }
    double[] thresholds = {ScriptedStages.LAMBDA, ScriptedStages.LAMBDA};
    var scheduler = new Scheduler(stages, Floors.of(thresholds, 3), null, 0, () -> stages.now);
    scheduler.run(new Door(guests, stages));
    for (Guest guest : guests) {
      assertThat(guest.ends)
          .singleElement()
          .satisfies(end ->
              assertThat(end instanceof IllegalArgumentException)
                  .as("row %s: %s", guest.number, end)
                  .isEqualTo(guest.number % 2 == 1));
    }
  }

  /** Should the scheduler itself fail, nobody waits for ever for an answer of it. */
  @Test
  void whoeverIsOnTheWayIsToldOfTheEnd() {
    var stages = new ScriptedStages(new int[] {1, 1, 1, 1}, 3, 4, 1, 1, new long[] {5, 5, 5});
    var broken = new IllegalStateException("broken");
    Guest first =
        new Guest(0, 3, 1, stages) {
          @Override
          public void done(Outcome outcome) {
            throw broken;
          }
        };
    List<Guest> rows = List.of(first, new Guest(1, 3, 1, stages), new Guest(2, 3, 6, stages));
    Guest begun = new Guest(3, 3, 0, stages);
    begun.audited = true;
    List<Guest> guests = new ArrayList<>(rows);
    guests.add(begun);
    double[] thresholds = {ScriptedStages.LAMBDA, ScriptedStages.LAMBDA};
    var scheduler = new Scheduler(stages, Floors.of(thresholds, 3), null, 0, () -> stages.now);
    assertThatThrownBy(() -> scheduler.run(new Door(guests, stages))).isSameAs(broken);
    scheduler.abandon(broken);
    assertThat(rows).allSatisfy(row -> assertThat(row.ends).containsExactly(broken));
    assertThat(begun.ends).containsExactly("dropped");
  }

  /** Rows that nobody wants any more are let go, all others are as if they had not been there. */
  @Test
  void cancelledAndLateRows() {
    int dropped = 0;
    for (int run = 0; run < RUNS; run++) {
      RandomRun one = new RandomRun(Exits.ANYWHERE, random.nextInt(200), random);
      for (Guest guest : one.guests) {
        guest.cancelled = random.nextInt(10) == 0;
        if (random.nextInt(4) == 0) {
          guest.deadline = guest.arrival + random.nextLong(30 * RandomRun.STAGE);
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
      RandomRun one = new RandomRun(Exits.ANYWHERE, random.nextInt(200), random);
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
}
