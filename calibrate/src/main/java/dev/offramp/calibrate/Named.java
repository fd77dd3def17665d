package dev.offramp.calibrate;

import java.util.Arrays;
import java.util.stream.Collectors;

/** A choice that has a name on the command line and in certificates. */
interface Named {
  String id();

  /** The choice of this name, or one sentence that lists the known ones. */
  static <T extends Named> T of(String kind, String id, T[] choices) {
    return Arrays.stream(choices)
        .filter(choice -> choice.id().equals(id))
        .findFirst()
        .orElseThrow(() ->
            new CalibrationException(
                "unknown %s '%s'; known are %s"
                    .formatted(
                        kind,
                        id,
                        Arrays.stream(choices).map(Named::id).collect(Collectors.joining(", ")))));
  }
}
