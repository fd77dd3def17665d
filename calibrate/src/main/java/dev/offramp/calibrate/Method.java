package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.stream.Collectors;

/** How a threshold is chosen from calibration losses. */
public enum Method {
  /** Empirical risk at most epsilon (arXiv 2405.20915, Eq. 9). No guarantee for new samples. */
  NAIVE("naive"),

  /**
   * Learn then Test (arXiv 2110.01052) with Hoeffding-Bentkus p-values (arXiv 2101.02703) and
   * fixed-sequence testing: with probability at least 1 - delta over the calibration samples, the
   * risk is at most epsilon. Negative losses count as 0, which is on the safe side.
   */
  LTT_HB("ltt-hb");

  private final String id;

  Method(String id) {
    this.id = id;
  }

  /** The name used on the command line and in certificates. */
  public String id() {
    return id;
  }

  /**
   * @throws CalibrationException if there is no method of this name
   */
  public static Method of(String id) {
    return Arrays.stream(values())
        .filter(method -> method.id.equals(id))
        .findFirst()
        .orElseThrow(() ->
            new CalibrationException(
                "unknown method '%s'; known are %s"
                    .formatted(
                        id,
                        Arrays.stream(values())
                            .map(Method::id)
                            .collect(Collectors.joining(", ")))));
  }
}
