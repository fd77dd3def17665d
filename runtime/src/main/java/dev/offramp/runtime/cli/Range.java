package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;

/** The numbers that an option may have, in the same words for every command. */
final class Range {
  private static final int MOST_WAIT_MILLIS = 60_000;

  private Range() {}

  /**
   * @throws InputException if the value is below the least, above the most or not a number
   */
  static void check(String option, Number value, int least, int most) {
    if (!(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw InputException.in(
          null, option + " " + value, "must be %d to %d".formatted(least, most));
    }
  }

  /**
   * @throws InputException if that is no probability, or one of the certain ones
   */
  static void checkUncertain(String option, double value) {
    if (!(value > 0 && value < 1)) {
      throw InputException.in(null, option + " " + value, "must be above 0 and below 1");
    }
  }

  /**
   * @throws InputException if there are none
   */
  static void checkRounds(int rounds) {
    if (rounds < 1) {
      throw InputException.in(null, "--rounds " + rounds, "must be at least 1");
    }
  }

  /**
   * @throws InputException if nobody can wait so long
   */
  static void checkMaxWait(double millis) {
    check("--max-wait", millis, 0, MOST_WAIT_MILLIS);
  }
}
