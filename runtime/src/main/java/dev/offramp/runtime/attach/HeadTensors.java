package dev.offramp.runtime.attach;

import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ModelTensors;
import dev.offramp.models.Tensor;
import java.util.Arrays;

/**
 * A head as it is written to a model directory.
 *
 * @param weight shape [classes, features]
 * @param bias shape [classes]
 */
public record HeadTensors(Tensor weight, Tensor bias) {
  public static HeadTensors of(TrainedHead head) {
    int classes = head.bias().length;
    int width = head.weight()[0].length;
    float[] flat = new float[classes * width];
    for (int c = 0; c < classes; c++) {
      System.arraycopy(head.weight()[c], 0, flat, c * width, width);
    }
    return new HeadTensors(
        Tensor.ofFloats("weight", flat, classes, width),
        Tensor.ofFloats("bias", head.bias(), classes));
  }

  /** The model's own last head, as it is stored. */
  public static HeadTensors last(ModelDirectory model) {
    int last = model.config().exits().size() - 1;
    return new HeadTensors(
        model.tensor(ModelTensors.exitWeight(last)), model.tensor(ModelTensors.exitBias(last)));
  }

  /**
   * What the head says of every sample.
   *
   * @param features F32 [n, width], row after row
   */
  public Targets answers(float[] features) {
    int classes = Math.toIntExact(weight.shape().get(0));
    int width = Math.toIntExact(weight.shape().get(1));
    float[] flat = weight.toFloats();
    float[][] rows = new float[classes][];
    for (int c = 0; c < classes; c++) {
      rows[c] = Arrays.copyOfRange(flat, c * width, (c + 1) * width);
    }
    return ExitTraining.answers(rows, bias.toFloats(), features, width);
  }
}
