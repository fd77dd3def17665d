package dev.offramp.models;

import java.util.List;

/**
 * A place where rows may leave the network.
 *
 * @param afterLayer the number of encoder layers run before this exit, from 1
 */
public record Exit(int afterLayer, Head head) {

  static Exit of(Json json) {
    json.exactly("afterLayer", "head");
    return new Exit(json.field("afterLayer").smallInteger(), Head.of(json.field("head")));
  }

  static List<Exit> listOf(Json json) {
    return json.list().stream().map(Exit::of).toList();
  }
}
