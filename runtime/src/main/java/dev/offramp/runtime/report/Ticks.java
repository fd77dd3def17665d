package dev.offramp.runtime.report;

import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Round numbers that cover a range: the multiples {@code first .. last} of a step of 1, 2 or 5
 * times a power of ten.
 */
record Ticks(double step, long first, long last) {
  /**
   * @param count about how many ticks are wanted
   */
  static Ticks cover(double min, double max, int count) {
    double span = max - min;
    if (!(span > Math.max(Math.abs(min), Math.abs(max)) * 1e-9)) {
      // One value only: give it some room.
      double room = min == 0 ? 1 : Math.abs(min) / 2;
      return cover(min - room, min + room, count);
    }
    double power = Math.pow(10, Math.floor(Math.log10(span / count)));
    double step = power;
    for (double factor : new double[] {2, 5, 10}) {
      if (span / step > count) {
        step = power * factor;
      }
    }
    // A limit that is a multiple but for rounding shall not open another step.
    return new Ticks(
        step, (long) Math.floor(min / step + 1e-9), (long) Math.ceil(max / step - 1e-9));
  }

  double min() {
    return first * step;
  }

  double max() {
    return last * step;
  }

  int count() {
    return (int) (last - first + 1);
  }

  double value(int tick) {
    return (first + tick) * step;
  }

  /** The tick's number with as many decimals as the step needs. */
  String label(int tick) {
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    double value = value(tick);
    return decimals > 5 && value != 0
        ? String.format(Locale.ROOT, "%.1e", value)
        : String.format(Locale.ROOT, "%,." + Math.min(decimals, 5) + "f", value);
  }

  /** Length of the longest label. */
  int labelLength() {
    return IntStream.range(0, count()).map(tick -> label(tick).length()).max().orElse(0);
  }
}
