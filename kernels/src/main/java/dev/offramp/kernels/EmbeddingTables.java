package dev.offramp.kernels;

/**
 * Tables of a text encoder's input layer, summed and normalized.
 *
 * @param words F32 [vocabulary, width]
 * @param positions F32 [max positions, width]
 * @param types F32 [types, width]; type 0 is used throughout
 */
public record EmbeddingTables(
    Buffer words, Buffer positions, Buffer types, Normalization normalization)
    implements AutoCloseable {
  @Override
  public void close() {
    words.close();
    positions.close();
    types.close();
    normalization.close();
  }
}
