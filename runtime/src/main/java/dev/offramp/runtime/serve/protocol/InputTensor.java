package dev.offramp.runtime.serve.protocol;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A tensor as the client sent it. That its data has the size of its shape is known only after
 * {@link #requireShape}.
 *
 * @param path of it in the document
 * @param contentType null if not given
 */
record InputTensor(
    String path, String name, String datatype, long[] shape, String contentType, TensorData data) {
  private static final String BINARY_SIZE = "binary_data_size";

  static InputTensor read(JsonBody body, String path, TensorData.Bounds bounds) throws IOException {
    Reader reader = new Reader(body, path, bounds);
    body.object(reader::field);
    reader.require();
    return new InputTensor(
        path, reader.name, reader.datatype, reader.shape, reader.contentType, reader.data);
  }

  /** Collects the fields, which come in any order. */
  private static final class Reader {
    private final JsonBody body;
    private final String path;
    private final TensorData.Bounds bounds;
    private String name;
    private String datatype;
    private long[] shape;
    private String contentType;
    private TensorData data;

    Reader(JsonBody body, String path, TensorData.Bounds bounds) {
      this.body = body;
      this.path = path;
      this.bounds = bounds;
    }

    void field(String field, String at) throws IOException {
      switch (field) {
        case "name" -> name = body.string();
        case "datatype" -> datatype = body.string();
        case "shape" -> shape = shape(at);
        case "data" -> {
          if (datatype != null && datatype.startsWith("FP")) { // Else its first fraction is blamed.
            throw new BadRequestException(
                path + ".datatype",
                "is %s, and no input takes fractions; send the datatype that the model's metadata names"
                    .formatted(BadRequestException.quote(datatype)));
          }
          data = TensorData.read(body, bounds, path + ".shape", shape);
        }
        case "parameters" -> {
          if (!body.isNull()) {
            body.object(this::parameter);
          }
        }
        default ->
            throw new BadRequestException(
                at,
                "unknown field; remove it (known here: name, datatype, shape, parameters, data)");
      }
    }

    private void parameter(String parameter, String at) throws IOException {
      switch (parameter) {
        case "content_type" -> contentType = body.string();
        case BINARY_SIZE ->
            throw new BadRequestException(
                at, "the binary data extension is not supported; send the data as JSON");
        default ->
            throw new BadRequestException(
                at, "unknown parameter; remove it (known here: content_type)");
      }
    }

    private long[] shape(String at) throws IOException {
      long[] sizes = new long[TensorData.DEEPEST];
      int[] count = {0};
      body.list(item -> {
        if (count[0] == sizes.length) {
          throw new BadRequestException(
              at, "has more than " + sizes.length + " numbers; no model takes such a tensor");
        }
        sizes[count[0]++] = body.whole();
      });
      return Arrays.copyOf(sizes, count[0]);
    }

    void require() {
      given("name", name);
      given("datatype", datatype);
      given("shape", shape);
      given("data", data);
    }

    private void given(String field, Object value) {
      if (value == null) {
        throw new BadRequestException(path + "." + field, "is missing; add it");
      }
    }
  }

  void requireDatatype(List<String> wanted) {
    if (!wanted.contains(datatype)) {
      throw new BadRequestException(
          path + ".datatype",
          "is %s; the tensor %s takes %s"
              .formatted(BadRequestException.quote(datatype), name, String.join(" or ", wanted)));
    }
    boolean bytes = datatype.equals("BYTES");
    if (data.size() > 0 && bytes != data.isStrings()) {
      throw new BadRequestException(
          path + ".data",
          "holds %s, but its datatype is %s; send %s"
              .formatted(
                  bytes ? "numbers" : "strings", datatype, bytes ? "strings" : "whole numbers"));
    }
  }

  /**
   * @param wanted how the strings or numbers of this tensor are to be understood
   */
  void requireContentType(String wanted) {
    if (contentType != null && !contentType.equals(wanted)) {
      throw new BadRequestException(
          path + ".parameters.content_type",
          "is %s; the tensor %s takes %s, or leave it out"
              .formatted(BadRequestException.quote(contentType), name, wanted));
    }
  }

  /** Number of inputs, the first number of the shape. */
  int batch(int most) {
    long inputs = shape.length == 0 ? 0 : shape[0];
    if (inputs < 1) {
      throw TensorData.noLength(path + ".shape", inputs);
    }
    if (shape[0] > most) {
      throw new BadRequestException(
          path + ".shape",
          "says that there are %d inputs; at most %d are taken in a request, send more requests"
              .formatted(shape[0], most));
    }
    return (int) shape[0];
  }

  /** That the shape is one of these, and the data there: its product is an int then. */
  void requireShape(int[]... allowed) {
    int[] found = Arrays.stream(allowed).filter(this::hasShape).findFirst().orElse(null);
    if (found == null) {
      throw new BadRequestException(
          path + ".shape",
          "is %s; the tensor %s takes %s"
              .formatted(
                  Arrays.toString(shape),
                  name,
                  Arrays.stream(allowed)
                      .map(Arrays::toString)
                      .collect(Collectors.joining(" or "))));
    }
    long values = Arrays.stream(found).asLongStream().reduce(1, Math::multiplyExact);
    if (data.size() != values) {
      throw new BadRequestException(
          path + ".data",
          "has %d values, its shape says %d; make them agree".formatted(data.size(), values));
    }
    if (!data.isNestedAs(found)) {
      throw new BadRequestException(
          path + ".data", "is not nested as its shape says; send one flat list, or nest it so");
    }
  }

  private boolean hasShape(int[] wanted) {
    return shape.length == wanted.length
        && IntStream.range(0, wanted.length).allMatch(d -> shape[d] == wanted[d]);
  }
}
