package dev.offramp.models;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How pixels are weighed when a picture is scaled; a config.json has the names in lower case. */
enum Resample {
  /** A triangle. */
  BILINEAR(1),
  /** Cubics over four pixels, with Keys' parameter -0.5. */
  BICUBIC(2);

  static final List<String> NAMES = Arrays.stream(values()).map(Resample::jsonName).toList();

  private final int reach;

  Resample(int reach) {
    this.reach = reach;
  }

  static Resample named(String jsonName) {
    return valueOf(jsonName.toUpperCase(Locale.ROOT));
  }

  String jsonName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Pixels on each side that count, where nothing is made smaller. */
  int reach() {
    return reach;
  }

  /**
   * The weight of a pixel, before weights are made to sum to 1.
   *
   * @param distance in pixels, where nothing is made smaller
   */
  double weight(double distance) {
    double x = Math.abs(distance);
    if (x >= reach) {
      return 0;
    }
    return switch (this) {
      case BILINEAR -> 1 - x;
      case BICUBIC -> x < 1 ? (1.5 * x - 2.5) * x * x + 1 : -0.5 * (((x - 5) * x + 8) * x - 4);
    };
  }
}
