package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Risk;
import dev.offramp.models.InputException;
import java.util.ArrayList;
import java.util.List;

/**
 * A risk and the level asked for it.
 *
 * @param epsilon risk level, in the unit of the losses
 */
record RequestedRisk(Risk risk, double epsilon) {

  /**
   * Reads {@code risk,risk=epsilon,…}.
   *
   * @param epsilon level of the risks that name none, or null
   * @return at least one, each risk once
   */
  static List<RequestedRisk> parse(List<String> texts, Double epsilon) {
    List<RequestedRisk> levels = new ArrayList<>();
    for (String text : texts) {
      String[] parts = text.split("=", 2);
      Risk risk = Risk.of(parts[0].strip());
      if (levels.stream().anyMatch(level -> level.risk == risk)) {
        throw InputException.in(null, "--risk " + risk.id(), "is there twice; name it once");
      }
      levels.add(
          new RequestedRisk(risk, parts.length == 2 ? number(text, parts[1]) : given(epsilon)));
    }
    return levels;
  }

  private static double number(String text, String number) {
    try {
      return Double.parseDouble(number);
    } catch (NumberFormatException e) {
      throw InputException.in(
          null, "--risk " + text, "'" + number + "' is not a number; give risk=epsilon");
    }
  }

  /** The level of {@code --epsilon}, which must be there. */
  static double given(Double epsilon) {
    if (epsilon == null) {
      throw InputException.in(
          null, "--epsilon", "missing; name the risk that is acceptable, such as --epsilon 0.05");
    }
    return epsilon;
  }
}
