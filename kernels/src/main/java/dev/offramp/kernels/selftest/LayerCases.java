package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.EmbeddingTables;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Normalization;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Embedding, layer normalization and attention. */
final class LayerCases {
  private static final int WORDS = 23;

  private LayerCases() {}

  static List<Case> all() {
    List<Case> cases = new ArrayList<>();
    for (int width : new int[] {1, 7, 127, 129, 384}) {
      cases.add(norm("width " + width, side -> norm(side, Batch.random(side.random, 7, 9), width)));
      cases.add(
          embed(
              "width " + width,
              side -> embed(side, Batch.random(side.random, 7, 11), width, false)));
    }
    cases.add(norm("129 x 1 tokens", side -> norm(side, Batch.random(side.random, 129, 1), 33)));
    cases.add(norm("no live row", side -> norm(side, Batch.none(7, 3), 7)));
    cases.add(norm("NaN and infinity", LayerCases::oddNorm));
    cases.add(embed("no live row", side -> embed(side, Batch.none(7, 3), 7, false)));
    cases.add(embed("NaN in a word", side -> embed(side, Batch.full(7, 11), 33, true)));
    // Capacity, positions, heads, size of a head.
    for (int[] s :
        new int[][] {
          {1, 1, 1, 1},
          {4, 7, 3, 7},
          {129, 1, 2, 7},
          {5, 19, 2, 32},
          {7, 32, 12, 32},
          {2, 127, 1, 33},
          {2, 129, 2, 64},
          {3, 33, 3, 64},
          {2, 13, 1, 127},
          {1, 512, 1, 16}
        }) {
      cases.add(
          attention(
              "%d x %d tokens, %d heads of %d".formatted(s[0], s[1], s[2], s[3]),
              side -> attention(side, Batch.random(side.random, s[0], s[1]), s[2], s[3])));
    }
    cases.add(attention("no live row", side -> attention(side, Batch.none(7, 3), 2, 7)));
    cases.add(attention("NaN in a key", LayerCases::oddAttention));
    cases.add(attention("one score far above the others", LayerCases::sharpAttention));
    return cases;
  }

  private static Case norm(String shape, Case.Play play) {
    return new Case("layerNorm", shape, Tolerance.ROUNDED, play);
  }

  private static Case embed(String shape, Case.Play play) {
    return new Case("embed", shape, Tolerance.ROUNDED, play);
  }

  private static Case attention(String shape, Case.Play play) {
    return new Case("attention", shape, Tolerance.ATTENTION, play);
  }

  private static void norm(Side side, Batch batch, int width) {
    Normalization normalization = side.normalization(width);
    Buffer in = side.activations(batch.input(side, width, 1, Side.POISON));
    Buffer out = side.activations(batch.poisoned(width));
    LiveRows rows = batch.load(side);

    side.device.layerNorm(rows, normalization, in, out);
    side.device.layerNorm(rows, normalization, in, in);

    side.output("out", batch.written(side.floats(out), width));
    side.output("in place", batch.written(side.floats(in), width));
  }

  private static void oddNorm(Side side) {
    Batch batch = Batch.full(1, 4);
    float[] x = batch.input(side, 33, 1);
    x[33 + 32] = Float.NaN;
    x[3 * 33 + 7] = Float.POSITIVE_INFINITY; // Its variance is infinity - infinity: NaN.
    Buffer in = side.activations(x);

    side.device.layerNorm(batch.load(side), side.normalization(33), in, in);

    side.output("out", side.floats(in));
  }

  private static void embed(Side side, Batch batch, int width, boolean nan) {
    float[] words = side.singles(WORDS * width, 1);
    if (nan) {
      words[5 * width + width / 2] = Float.NaN;
    }
    int[] ids = new int[batch.capacity() * batch.positions()];
    Arrays.fill(ids, -1); // Where nobody may look.
    batch.eachToken(token -> ids[token] = side.random.nextInt(WORDS));
    if (nan) {
      ids[batch.rows()[0] * batch.positions()] = 5; // That the word is used is not left to chance.
    }
    EmbeddingTables tables =
        new EmbeddingTables(
            side.f32(words),
            side.f32(side.singles((batch.positions() + 3) * width, 1)),
            side.f32(side.singles(2 * width, 1)),
            side.normalization(width));
    Buffer out = side.activations(batch.poisoned(width));

    side.device.embed(batch.load(side), tables, side.i32(ids), out);

    side.output("out", batch.written(side.floats(out), width));
  }

  private static void attention(Side side, Batch batch, int heads, int headSize) {
    int width = heads * headSize;
    Buffer qkv = side.activations(batch.input(side, 3 * width, 2));
    Buffer out = side.activations(batch.poisoned(width));

    side.device.attention(batch.load(side), heads, headSize, qkv, out);

    side.output("out", batch.written(side.floats(out), width));
  }

  /** It shows in its row and head only. */
  private static void oddAttention(Side side) {
    Batch batch = Batch.full(2, 5);
    float[] qkv = batch.input(side, 3 * 2 * 16, 2);
    qkv[7 * 96 + 32 + 16] = Float.NaN; // Row 1, position 2, a key of head 1.
    Buffer out = side.activations(batch.poisoned(32));

    side.device.attention(batch.load(side), 2, 16, side.activations(qkv), out);

    side.output("out", side.floats(out));
  }

  /** A softmax that does not take the largest score off first overflows here. */
  private static void sharpAttention(Side side) {
    Batch batch = Batch.full(1, 7);
    float[] qkv = batch.input(side, 3 * 7, 2);
    for (int d = 0; d < 7; d++) {
      for (int p = 0; p < 7; p++) {
        qkv[p * 21 + d] = 16;
      }
      qkv[3 * 21 + 7 + d] = 16; // The fourth key.
    }
    Buffer out = side.activations(batch.poisoned(7));

    side.device.attention(batch.load(side), 1, 7, side.activations(qkv), out);

    side.output("out", side.floats(out));
  }
}
