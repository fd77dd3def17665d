package dev.offramp.calibrate.monitor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.calibrate.CalibrationException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoublePredicate;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The promises of the alarm by simulation; the same check must catch games that are unfair. */
class DriftAlarmTest {
  private static final double EPSILON = 0.05;
  private static final double DELTA = 0.05;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final SplittableRandom random = new SplittableRandom(seed);

  DriftAlarmTest() {
    System.out.println("DriftAlarmTest: offramp.seed=" + seed);
  }

  /** Losses whose expectation is EPSILON given those before, whatever they were. */
  private enum Losses {
    ZERO_OR_ONE(0, 1, (u, last) -> u < EPSILON ? 1 : 0),
    /** A power of a uniform number: density without gaps, many near 0, few near 1. */
    CONTINUOUS(0, 1, (u, last) -> Math.pow(u, 1 / EPSILON - 1)),
    NEGATIVE_TOO(-2, 2, (u, last) -> u < 0.3 ? -1 : u < 0.475 ? 2 : 0),
    /** How much a loss varies hangs on the one before. */
    DEPENDENT(0, 1, (u, last) -> last > 0 ? (u < 0.5 ? 2 * EPSILON : 0) : u < EPSILON ? 1 : 0);

    private final double low;
    private final double high;

    /** From a uniform number and the loss before. */
    private final DoubleBinaryOperator next;

    Losses(double low, double high, DoubleBinaryOperator next) {
      this.low = low;
      this.high = high;
      this.next = next;
    }
  }

  /** The game with free choice of how capital comes in, for losses in [0, 1]. */
  private static final class Game {
    private final double[] stakes = stakes(EPSILON, 0, 1);
    private final double[] sums = new double[stakes.length];
    private final LongToDoubleFunction share;
    private final double floor;
    private long observed;

    /**
     * @param share added before loss t
     * @param floor what a sum is raised to before each loss
     */
    Game(LongToDoubleFunction share, double floor) {
      this.share = share;
      this.floor = floor;
    }

    boolean observe(double loss) {
      double shareNow = share.applyAsDouble(++observed);
      for (int j = 0; j < stakes.length; j++) {
        sums[j] = Math.max(sums[j] + shareNow, floor) * (1 + stakes[j] * (loss - EPSILON));
      }
      return Arrays.stream(sums).sum() / stakes.length >= 1 / DELTA;
    }
  }

  /** The documented grid. */
  private static double[] stakes(double epsilon, double low, double high) {
    double from = Math.log(0.05 / Math.max(epsilon - low, high - epsilon));
    double to = Math.log(0.9 / Math.max(epsilon - low, (high - low) / 1000));
    double[] stakes = new double[20];
    Arrays.setAll(stakes, j -> Math.exp(from + (to - from) * j / 19));
    return stakes;
  }

  private static DriftAlarm alarm() {
    return new DriftAlarm(EPSILON, 0, 1, DELTA);
  }

  /** Share of streams at risk EPSILON with an alarm within their length. */
  private double falseAlarms(Losses losses, Supplier<DoublePredicate> alarms) {
    int streams = 2_000;
    int found = 0;
    for (int stream = 0; stream < streams; stream++) {
      DoublePredicate alarm = alarms.get();
      double loss = 0;
      for (int t = 0; t < 3_000; t++) {
        loss = losses.next.applyAsDouble(random.nextDouble(), loss);
        if (alarm.test(loss)) {
          found++;
          break;
        }
      }
    }
    return (double) found / streams;
  }

  /** Three standard errors above DELTA. */
  private static boolean keepsPromise(double share) {
    return share <= DELTA + 3 * Math.sqrt(DELTA * (1 - DELTA) / 2_000);
  }

  @ParameterizedTest
  @EnumSource
  void falseAlarmsAreAsRareAsPromised(Losses losses) {
    double share =
        falseAlarms(losses, () -> new DriftAlarm(EPSILON, losses.low, losses.high, DELTA)::observe);
    System.out.printf("false alarms at risk epsilon, %s: %.4f of 2,000%n", losses, share);
    assertThat(keepsPromise(share)).as("%s: %s, offramp.seed=%d", losses, share, seed).isTrue();
    // A game so timid that it never alarms would keep the promise too.
    assertThat(share).as("%s, offramp.seed=%d", losses, seed).isGreaterThan(DELTA / 20);
  }

  @Test
  void unfairGamesAreFoundOut() {
    Losses losses = Losses.ZERO_OR_ONE;
    double level = Math.pow(DELTA, 0.25);
    assertThat(
            keepsPromise(falseAlarms(losses, () -> new DriftAlarm(EPSILON, 0, 1, level)::observe)))
        .as("alarm at 1 / delta^(1/4), offramp.seed=%d", seed)
        .isFalse();
    assertThat(keepsPromise(falseAlarms(losses, () -> new Game(t -> 1.0 / t, 0)::observe)))
        .as("shares that add up to more than 1, offramp.seed=%d", seed)
        .isFalse();
    assertThat(keepsPromise(falseAlarms(losses, () -> new Game(t -> 0, 1)::observe)))
        .as("losses forgiven, offramp.seed=%d", seed)
        .isFalse();
    assertThat(keepsPromise(falseAlarms(losses, () -> new DriftAlarm(0.035, 0, 1, DELTA)::observe)))
        .as("the wrong epsilon, offramp.seed=%d", seed)
        .isFalse();
  }

  /** Losses after a drift to the risk until the alarm, sorted; 0 where it came before. */
  private long[] delays(int quiet, double risk, Supplier<DoublePredicate> alarms) {
    long[] delays = new long[200];
    for (int stream = 0; stream < delays.length; stream++) {
      DoublePredicate alarm = alarms.get();
      int t = 1;
      while (!alarm.test(random.nextDouble() < (t <= quiet ? EPSILON / 2 : risk) ? 1 : 0)) {
        assertThat(++t).as("no alarm, offramp.seed=%d", seed).isLessThan(quiet + 50_000);
      }
      delays[stream] = Math.max(0, t - quiet);
    }
    Arrays.sort(delays);
    return delays;
  }

  @Test
  void aLongQuietTimeHardlyDelaysTheAlarm() {
    double risk = 3 * EPSILON;
    long[] median = new long[3];
    long[] plainMedian = new long[3];
    for (int i = 0; i < 3; i++) {
      int quiet = new int[] {0, 1_000, 10_000}[i];
      long[] delays = delays(quiet, risk, () -> alarm()::observe);
      long[] plain = delays(quiet, risk, () -> new Game(t -> t == 1 ? 1 : 0, 0)::observe);
      median[i] = delays[100];
      plainMedian[i] = plain[100];
      System.out.printf(
          "risk %.3f after %,d quiet losses: alarm after %d (90 %%: %d), plain product %d (%d)%n",
          risk, quiet, delays[100], delays[180], plain[100], plain[180]);
      assertThat(delays[20]).as("alarms in quiet times, offramp.seed=%d", seed).isPositive();
    }
    assertThat(median[0]).as("offramp.seed=%d", seed).isLessThan(2 * plainMedian[0]);
    assertThat(median[2]).as("offramp.seed=%d", seed).isLessThan(6 * median[0]);
    assertThat(plainMedian[2]).as("offramp.seed=%d", seed).isGreaterThan(6 * median[2]);
  }

  @Test
  void evidenceIsThatOfTheFormula() {
    for (int trial = 0; trial < 60; trial++) {
      double low = random.nextInt(-2, 1);
      double high = low + random.nextDouble(0.1, 4);
      double epsilon = trial % 6 == 0 ? low : random.nextDouble(low, high + 0.2);
      DriftAlarm alarm = new DriftAlarm(epsilon, low, high, 1e-9);
      double[] stakes = stakes(epsilon, low, high);
      double[] losses = random.doubles(50).map(u -> low + (high - low) * Math.pow(u, 3)).toArray();
      for (int t = 1; t <= losses.length && !alarm.alarmed(); t++) {
        alarm.observe(losses[t - 1]);
        double expected = 1 / Math.sqrt(t + 1);
        for (double stake : stakes) {
          double product = 1;
          for (int start = t; start >= 1; start--) {
            product *= 1 + stake * (losses[start - 1] - epsilon);
            expected += (1 / Math.sqrt(start) - 1 / Math.sqrt(start + 1)) * product / 20;
          }
        }
        assertThat(alarm.logEvidence())
            .as("epsilon %s in [%s, %s], t %d, offramp.seed=%d", epsilon, low, high, t, seed)
            .isCloseTo(Math.log(expected), within(1e-9));
      }
    }
  }

  @Test
  void theAlarmStaysAndIsRaisedOnce() {
    DriftAlarm alarm = alarm();
    assertThat(alarm.logEvidence()).isZero();
    assertThat(alarm.threshold()).isCloseTo(Math.log(20), within(1e-12));
    int raised = 0;
    for (int i = 0; i < 10_000; i++) {
      raised += alarm.observe(1) ? 1 : 0;
    }
    long at = alarm.alarmedAt();
    double evidence = alarm.logEvidence();
    for (int i = 0; i < 10_000; i++) {
      raised += alarm.observe(0) ? 1 : 0;
    }
    assertThat(raised).isEqualTo(1);
    assertThat(alarm.alarmed()).isTrue();
    assertThat(at).isBetween(2L, 5L).isEqualTo(alarm.alarmedAt());
    assertThat(alarm.observed()).isEqualTo(20_000);
    assertThat(evidence).isBetween(alarm.threshold(), 100.0).isEqualTo(alarm.logEvidence());
  }

  @Test
  void evidenceStaysFiniteWhereTheLevelIsBeyondReach() {
    DriftAlarm alarm = new DriftAlarm(0, 0, 1, Double.MIN_VALUE);
    for (int i = 0; i < 1_000; i++) {
      alarm.observe(1);
      assertThat(alarm.logEvidence()).isBetween(0.0, alarm.threshold());
    }
    alarm.observe(0);
    assertThat(alarm.logEvidence()).isFinite();
  }

  @Test
  void epsilonAtTheEndsOfTheRange() {
    DriftAlarm atLow = new DriftAlarm(0, 0, 1, DELTA);
    for (int i = 0; i < 1_000; i++) {
      atLow.observe(0);
    }
    assertThat(atLow.logEvidence()).isCloseTo(0, within(1e-9));
    for (int i = 0; i < 3; i++) {
      atLow.observe(1);
    }
    assertThat(atLow.alarmedAt()).isBetween(1_001L, 1_003L);
    for (double epsilon : new double[] {1, 7}) {
      DriftAlarm atHigh = new DriftAlarm(epsilon, 0, 1, 0.99);
      for (int i = 0; i < 1_000; i++) {
        atHigh.observe(1);
      }
      assertThat(atHigh.alarmed()).as("epsilon " + epsilon).isFalse();
      assertThat(atHigh.logEvidence()).isLessThanOrEqualTo(1e-12);
    }
    // Promises of any size can be broken.
    for (double epsilon : new double[] {1e-6, 0.001, 0.5, 0.9}) {
      DriftAlarm alarm = new DriftAlarm(epsilon, 0, 1, DELTA);
      for (int i = 0; i < 100; i++) {
        alarm.observe(1);
      }
      assertThat(alarm.alarmed()).as("epsilon " + epsilon).isTrue();
    }
  }

  @Test
  void badArgumentsAreNamed() {
    assertThatThrownBy(() -> new DriftAlarm(-0.1, 0, 1, DELTA))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("epsilon -0.1")
        .hasMessageContaining("at least 0.0");
    assertThatThrownBy(() -> new DriftAlarm(Double.NaN, 0, 1, DELTA))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("epsilon NaN");
    assertThatThrownBy(() -> new DriftAlarm(0.1, 1, 1, DELTA))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("from 1.0 to 1.0");
    for (double delta : new double[] {0, 1, Double.NaN}) {
      assertThatThrownBy(() -> new DriftAlarm(0.1, 0, 1, delta))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("delta " + delta);
    }
    DriftAlarm alarm = alarm();
    alarm.observe(1 + 1e-10);
    for (double loss : new double[] {Double.NaN, 1.001, -0.001, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> alarm.observe(loss))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining("loss " + loss)
          .hasMessageContaining("observation 2");
    }
    assertThat(alarm.observed()).isEqualTo(1);
  }

  @Test
  void tenMillionLosses() {
    DriftAlarm alarm = alarm();
    for (int i = 0; i < 10_000_000; i++) {
      alarm.observe(i % 25 == 0 ? 1 : 0);
    }
    assertThat(alarm.logEvidence()).isFinite().isNegative();
    for (int i = 0; i < 20; i++) {
      alarm.observe(1);
    }
    assertThat(alarm.alarmed()).as("after a quiet time").isTrue();
  }
}
