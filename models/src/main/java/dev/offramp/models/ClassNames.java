package dev.offramp.models;

import java.util.List;

/**
 * Names of the classes that a data set numbers.
 *
 * @param usual the data set's own
 * @param model the model's labels, empty without exits
 */
record ClassNames(List<String> usual, List<String> model) {

  /** Classes of the data set. */
  int count() {
    return usual.size();
  }

  /**
   * By the data set's own names if the model knows them, else by the model's number if it has as
   * many classes; null otherwise, as the numbers mean something else then.
   */
  String of(int number) {
    if (model.isEmpty() || model.containsAll(usual)) {
      return usual.get(number);
    }
    return model.size() == usual.size() ? model.get(number) : null;
  }
}
