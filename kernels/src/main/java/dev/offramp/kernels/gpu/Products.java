package dev.offramp.kernels.gpu;

import dev.offramp.kernels.DeviceException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Which matrix products of CUDA devices take part in the choice of the fastest, by the system
 * property {@code offramp.cuda.products}.
 */
public enum Products {
  /** Offramp's own that every card has; the default. */
  OWN,
  /** OWN and Offramp's by warp groups, in F16 on compute capability 9.0. */
  WARPGROUP,
  /** OWN and the vendor's library: see {@link DenseProduct}. */
  LIBRARY;

  private static final String PROPERTY = "offramp.cuda.products";

  /**
   * What the property asks for.
   *
   * @throws DeviceException if it has another value
   */
  public static Products asked() {
    String value = System.getProperty(PROPERTY, OWN.value());
    return Arrays.stream(values())
        .filter(products -> products.value().equals(value))
        .findFirst()
        .orElseThrow(() ->
            new DeviceException(
                "The system property %s is '%s'; it may be %s"
                    .formatted(
                        PROPERTY,
                        value,
                        Arrays.stream(values())
                            .map(Products::value)
                            .collect(Collectors.joining(", ")))));
  }

  private String value() {
    return name().toLowerCase(Locale.ROOT);
  }
}
