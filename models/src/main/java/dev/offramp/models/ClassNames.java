package dev.offramp.models;

import java.util.List;

/**
 * Names of the classes that a data set numbers.
 *
 * @param usual the data set's own
 * @param model the model's labels, empty without exits
 */
record ClassNames(List<String> usual, List<String> model) {

  /** Classes that have a name. */
  int count() {
    return ownNames() ? usual.size() : Math.min(usual.size(), model.size());
  }

  /** By the data set's own names if the model knows them, else by the model's number. */
  String of(int number) {
    return ownNames() ? usual.get(number) : model.get(number);
  }

  private boolean ownNames() {
    return model.isEmpty() || model.containsAll(usual);
  }
}
