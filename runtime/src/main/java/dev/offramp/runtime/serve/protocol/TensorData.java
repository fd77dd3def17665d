package dev.offramp.runtime.serve.protocol;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The values of a tensor, in row-major order: strings, or whole numbers that an int holds. They
 * come as one list or as lists in lists; how long those are is remembered, since the shape may come
 * later in the document.
 */
final class TensorData {
  /** Dimensions of the largest tensor that a model takes. */
  static final int DEEPEST = 4;

  private static final int UNKNOWN = -1;

  /**
   * The most that any tensor of a request may hold.
   *
   * @param strings how many
   * @param characters of each
   * @param numbers how many; no more than a body has room for
   */
  record Bounds(int strings, int characters, int numbers) {}

  /** Numbers that there is room for at first. */
  private static final int FIRST = 64;

  private final JsonBody body;
  private final Bounds bounds;
  private final String shapePath;
  private final long[] shape;
  private final List<String> strings = new ArrayList<>();
  private int[] numbers = {};
  private int size;

  /** Of the lists at each depth; those of the same depth must be equally long. */
  private final int[] lengths = new int[DEEPEST];

  /** Of the lists that hold values. */
  private int depth = UNKNOWN;

  /** How many values may come, known when the first does. */
  private int most;

  private TensorData(JsonBody body, Bounds bounds, String shapePath, long[] shape) {
    this.body = body;
    this.bounds = bounds;
    this.shapePath = shapePath;
    this.shape = shape;
    Arrays.fill(lengths, UNKNOWN);
  }

  /**
   * @param shapePath of the shape in the document
   * @param shape that the tensor is to have, or null if it comes later; more values are refused as
   *     they come, and of a shape that has more than the bounds the first
   */
  static TensorData read(JsonBody body, Bounds bounds, String shapePath, long[] shape)
      throws IOException {
    body.require(JsonToken.BEGIN_ARRAY, "a list");
    TensorData data = new TensorData(body, bounds, shapePath, shape);
    data.list(0);
    return data;
  }

  private void list(int at) throws IOException {
    if (at == DEEPEST) {
      throw body.error("is nested more than " + DEEPEST + " deep; nest as deep as the shape");
    }
    JsonReader in = body.reader();
    int length = 0;
    in.beginArray();
    for (; in.hasNext(); length++) {
      switch (in.peek()) {
        case BEGIN_ARRAY -> list(at + 1);
        case STRING -> string(at);
        case NUMBER -> number(at);
        default -> throw body.wrongType("a string or a number");
      }
    }
    in.endArray();
    if (lengths[at] != UNKNOWN && lengths[at] != length) {
      throw new BadRequestException(
          in.getPreviousPath(),
          "has a length of %d, the list before it %d; make them equally long"
              .formatted(length, lengths[at]));
    }
    lengths[at] = length;
  }

  private void string(int at) throws IOException {
    value(at, numbers.length == 0, bounds.strings, "strings");
    String string = body.reader().nextString();
    if (string.length() > bounds.characters) {
      throw new BadRequestException(
          body.reader().getPreviousPath(),
          "has %d characters, at most %d are taken; make it shorter"
              .formatted(string.length(), bounds.characters));
    }
    strings.add(string);
  }

  private void number(int at) throws IOException {
    value(at, strings.isEmpty(), bounds.numbers, "numbers");
    if (size > numbers.length) {
      // Grows with what comes: most of a large body may be blanks.
      int room = (int) Math.min(most, Math.max(FIRST, 2L * numbers.length));
      numbers = Arrays.copyOf(numbers, room);
    }
    long value = body.whole();
    if (value != (int) value) {
      throw new BadRequestException(
          body.reader().getPreviousPath(), value + " is out of range; correct it");
    }
    numbers[size - 1] = (int) value;
  }

  private void value(int at, boolean sameType, int bound, String kind) throws IOException {
    if (depth != UNKNOWN && depth != at) {
      throw body.error("is not as deep in lists as the values before it; nest all alike");
    }
    depth = at;
    if (!sameType) {
      throw body.error("is not of the type of the values before it; send one type");
    }
    if (size == 0) {
      most = shape == null ? bound : shaped(bound, kind);
    }
    if (size == most) {
      throw body.error(
          shape == null
              ? "is one value more than the %d that are taken; send fewer".formatted(most)
              : "is one value more than the %d that the shape says; make them agree"
                  .formatted(most));
    }
    size++;
  }

  static BadRequestException noLength(String shapePath, long length) {
    return new BadRequestException(
        shapePath,
        length == 0
            ? "says that there are no values; send one or more"
            : "holds %d; give the number of those that are sent".formatted(length));
  }

  /** How many values the shape says that there are, if that is within a bound. */
  private int shaped(int bound, String kind) {
    long values = 1;
    for (long length : shape) {
      if (length < 1) {
        throw noLength(shapePath, length);
      }
      values = length > Long.MAX_VALUE / values ? Long.MAX_VALUE : values * length;
    }
    if (values > bound) {
      throw new BadRequestException(
          shapePath,
          "says that there are %d %s, at most %d can come in this request; send fewer, or correct it"
              .formatted(values, kind, bound));
    }
    return (int) values;
  }

  /** Whether there are strings, and no numbers. */
  boolean isStrings() {
    return !strings.isEmpty();
  }

  List<String> strings() {
    return strings;
  }

  /** The first {@link #size()} of it count. */
  int[] numbers() {
    return numbers;
  }

  int size() {
    return size;
  }

  /** Whether the values are one list, or as deep in lists as a shape and as long as it says. */
  boolean isNestedAs(int[] shape) {
    return depth == 0
        ? lengths[0] == size
        : depth == shape.length - 1 && Arrays.equals(shape, Arrays.copyOf(lengths, shape.length));
  }
}
