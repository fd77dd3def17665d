package dev.offramp.models;

/**
 * An image to classify, in the size of a model.
 *
 * @param source where it was read, for messages: a file, or a place in one
 * @param pixels [height * width], row after row; byte c of a pixel, the least significant first, is
 *     channel c: red, green, blue, or grey alone
 * @param label its class, or null if not known
 */
public record Picture(String source, int[] pixels, String label) {}
