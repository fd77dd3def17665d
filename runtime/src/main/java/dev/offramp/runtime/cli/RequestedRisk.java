package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Method;
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
   * @throws InputException if a level is missing, or is none that a guarantee can be about
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
          new RequestedRisk(
              risk,
              parts.length == 2
                  ? check("--risk " + risk.id(), number(text, parts[1]), risk.bound())
                  : given(epsilon, risk.bound())));
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

  /**
   * A level that a guarantee can be about: no answers keep 0, and all keep the largest loss.
   *
   * @param option that it is of
   * @param bound largest loss possible
   */
  static double check(String option, double epsilon, double bound) {
    if (!(epsilon > 0 && epsilon < bound)) {
      throw InputException.in(
          null,
          option + " " + epsilon,
          "must be above 0 and below %s, the largest loss possible; 5 %% is 0.05".formatted(bound));
    }
    return epsilon;
  }

  /**
   * Checks, before any data is read, that a method takes a risk's losses: those of class
   * probabilities are anything up to their bound.
   */
  static void checkMethod(Method method, Risk risk) {
    if (method.counts() && risk.needsProbabilities()) {
      throw InputException.in(
          null,
          "--method " + method.id(),
          "is for losses that are 0 or 1, such as those of prediction-consistency, not for %s; take %s"
              .formatted(risk.id(), (method.tests() ? Method.LTT_WSR : Method.UCB_WSR).id()));
    }
  }

  /**
   * The level of {@code --epsilon}, which must be there.
   *
   * @param bound largest loss possible
   */
  static double given(Double epsilon, double bound) {
    if (epsilon == null) {
      throw InputException.in(
          null, "--epsilon", "missing; name the risk that is acceptable, such as --epsilon 0.05");
    }
    return check("--epsilon", epsilon, bound);
  }
}
