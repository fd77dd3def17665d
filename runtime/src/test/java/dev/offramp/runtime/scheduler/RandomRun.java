package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A random run of the scheduler on scripted stages and a clock of their own. */
final class RandomRun {
  /** Mean time of a stage in nanoseconds. */
  static final long STAGE = 1_000;

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

  final int stageCount;
  final long maxWait;
  private final CostModel cost;
  private final double[] thresholds;
  final ScriptedStages stages;
  final List<Guest> guests = new ArrayList<>();
  private final int[] exitOf;

  RandomRun(Exits exits, int rows, Random random) {
    stageCount = 1 + random.nextInt(7);
    int laneRows = 1 + random.nextInt(9);
    int lanes = 1 + random.nextInt(2);
    int slots = laneRows * (1 + random.nextInt(4));
    maxWait =
        switch (random.nextInt(3)) {
          case 0 -> 0;
          case 1 -> STAGE * random.nextInt(20);
          default -> Scheduler.PATIENT;
        };
    cost = random.nextBoolean() ? null : randomCost(stageCount, random);
    thresholds = new double[stageCount - 1];
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

  private static CostModel randomCost(int stages, Random random) {
    double[][] nanos = new double[stages][3];
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
    return new Outcome(
        stages.prediction(guest.number, exit), stages.confidence(guest.number, exit), exit);
  }
}
