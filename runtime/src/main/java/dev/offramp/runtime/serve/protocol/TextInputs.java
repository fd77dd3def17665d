package dev.offramp.runtime.serve.protocol;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a model of texts takes: texts, or token ids and which of them count. */
final class TextInputs {
  static final String TEXT = "text";
  static final String IDS = "input_ids";
  static final String MASK = "attention_mask";
  private static final List<String> INTEGERS = List.of("INT64", "INT32");

  private final ModelConfig config;
  private final int batch;

  TextInputs(ModelConfig config, InferLimits limits) {
    this.config = config;
    batch = limits.batch();
  }

  /** The texts of a tensor of strings. */
  List<Request.Input> texts(InputTensor tensor) {
    tensor.requireDatatype(List.of("BYTES"));
    tensor.requireContentType("str");
    int count = tensor.batch(batch);
    tensor.requireShape(new int[] {count}, new int[] {count, 1});
    List<Request.Input> inputs = new ArrayList<>(count);
    tensor.data().strings().forEach(text -> inputs.add(new Request.Text(text)));
    return inputs;
  }

  /**
   * The rows of a tensor of token ids.
   *
   * @param mask of the same shape, 1 for the ids that count and 0 for those after them, or null if
   *     all count
   */
  List<Request.Input> rows(InputTensor ids, InputTensor mask) {
    int count = ids.batch(batch);
    int tokens = tokens(ids);
    check(ids, count, tokens, config.bert().vocabSize());
    if (mask != null) {
      check(mask, count, tokens, 2);
    }
    List<Request.Input> inputs = new ArrayList<>(count);
    for (int row = 0; row < count; row++) {
      int from = row * tokens;
      int length = mask == null ? tokens : ones(mask, row, tokens);
      inputs.add(
          new Request.Prepared(Arrays.copyOfRange(ids.data().numbers(), from, from + length)));
    }
    return inputs;
  }

  private int tokens(InputTensor ids) {
    int longest = config.longestRow();
    if (ids.shape().length != 2 || ids.shape()[1] < 1 || ids.shape()[1] > longest) {
      throw new BadRequestException(
          ids.path() + ".shape",
          "is %s; the tensor %s takes [inputs, tokens] with 1 to %d tokens"
              .formatted(Arrays.toString(ids.shape()), IDS, longest));
    }
    return (int) ids.shape()[1];
  }

  /** Numbers of 0 to below end. */
  private static void check(InputTensor tensor, int count, int tokens, int end) {
    tensor.requireDatatype(INTEGERS);
    tensor.requireContentType("np");
    tensor.requireShape(new int[] {count, tokens});
    int[] numbers = tensor.data().numbers();
    for (int i = 0; i < count * tokens; i++) {
      if (numbers[i] < 0 || numbers[i] >= end) {
        throw new BadRequestException(
            tensor.path() + ".data",
            "value %d of row %d is %d, must be 0 to %d"
                .formatted(i % tokens, i / tokens, numbers[i], end - 1));
      }
    }
  }

  private static int ones(InputTensor mask, int row, int tokens) {
    int[] numbers = mask.data().numbers();
    int ones = 0;
    for (int i = row * tokens; i < (row + 1) * tokens; i++) {
      if (numbers[i] == 1 && i != row * tokens + ones++) {
        throw new BadRequestException(
            mask.path() + ".data",
            "row %d has a 1 after a 0; pad at the end of rows".formatted(row));
      }
    }
    if (ones == 0) {
      throw new BadRequestException(
          mask.path() + ".data", "row %d has no 1; leave empty rows out".formatted(row));
    }
    return ones;
  }
}
