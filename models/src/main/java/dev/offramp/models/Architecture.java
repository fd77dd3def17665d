package dev.offramp.models;

/** Sizes of a network, which is a list of layers. */
public sealed interface Architecture permits BertArchitecture, ResnetArchitecture {
  /** Layers that an exit can stand after. */
  int layers();

  /** Longest row: tokens of a text or pixels of an image. */
  int maxPositions();

  /**
   * Numbers that a head sees of a row, once it is pooled.
   *
   * @param afterLayer the layer that the head stands after, counted from 1
   */
  int features(int afterLayer, Head head);
}
