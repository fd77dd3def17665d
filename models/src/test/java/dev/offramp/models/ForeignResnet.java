package dev.offramp.models;

import java.util.LinkedHashMap;
import java.util.Random;
import java.util.SequencedMap;

/**
 * The same random network of 7x7 stem under torchvision's names and under those of Hugging Face's
 * transformers: two stages, four classes.
 */
final class ForeignResnet {
  final SequencedMap<String, Tensor> torchvision = new LinkedHashMap<>();
  final SequencedMap<String, Tensor> hub = new LinkedHashMap<>();
  private final Random random = new Random(5);
  private final Tensor counter = Tensor.ofFloats("counter", new float[2], 2);

  /**
   * @param first blocks of the first stage; the second has one
   */
  static ForeignResnet basic(int first) {
    ForeignResnet net = new ForeignResnet();
    for (int s = 0; s < 2; s++) {
      for (int b = 0; b < (s == 0 ? first : 1); b++) {
        int out = s == 0 ? 4 : 6;
        net.part(s, b, 0, out, s == 1 && b == 0 ? 4 : out, 3);
        net.part(s, b, 1, out, out, 3);
        if (s == 1 && b == 0) {
          net.shortcut(s, b, out, 4);
        }
      }
    }
    return net.head(6);
  }

  /** Two blocks and one, a quarter of the channels inside. */
  static ForeignResnet bottleneck() {
    ForeignResnet net = new ForeignResnet();
    int in = 4;
    for (int s = 0; s < 2; s++) {
      for (int b = 0; b < 2 - s; b++) {
        int out = 8 << s;
        net.part(s, b, 0, out / 4, in, 1);
        net.part(s, b, 1, out / 4, out / 4, 3);
        net.part(s, b, 2, out, out / 4, 1);
        if (b == 0) {
          net.shortcut(s, b, out, in);
        }
        in = out;
      }
    }
    return net.head(in);
  }

  private ForeignResnet() {
    convolution(
        "conv1",
        "bn1",
        "resnet.embedder.embedder.convolution",
        "resnet.embedder.embedder.normalization",
        new long[] {4, 3, 7, 7});
  }

  private void part(int stage, int block, int part, int out, int in, int side) {
    String torch = "layer" + (stage + 1) + "." + block + ".";
    String name = "resnet.encoder.stages." + stage + ".layers." + block + ".layer." + part + ".";
    convolution(
        torch + "conv" + (part + 1),
        torch + "bn" + (part + 1),
        name + "convolution",
        name + "normalization",
        new long[] {out, in, side, side});
  }

  void shortcut(int stage, int block, int out, int in) {
    String torch = "layer" + (stage + 1) + "." + block + ".downsample.";
    String name = "resnet.encoder.stages." + stage + ".layers." + block + ".shortcut.";
    convolution(
        torch + "0",
        torch + "1",
        name + "convolution",
        name + "normalization",
        new long[] {out, in, 1, 1});
  }

  private ForeignResnet head(int features) {
    add("fc.weight", "classifier.1.weight", 0, 4, features);
    add("fc.bias", "classifier.1.bias", 0, 4);
    return this;
  }

  private void convolution(String name, String norm, String hubName, String hubNorm, long[] shape) {
    add(name + ".weight", hubName + ".weight", 0, shape);
    add(norm + ".weight", hubNorm + ".weight", 0, shape[0]);
    add(norm + ".bias", hubNorm + ".bias", 0, shape[0]);
    add(norm + ".running_mean", hubNorm + ".running_mean", 0, shape[0]);
    add(norm + ".running_var", hubNorm + ".running_var", 4, shape[0]);
    Tensor steps = new Tensor("steps", TensorType.I64, Tensor.boxed(), counter.data());
    torchvision.put(norm + ".num_batches_tracked", steps);
    hub.put(hubNorm + ".num_batches_tracked", steps);
  }

  private void add(String torch, String hubName, float shift, long... shape) {
    float[] values = TinyModel.floats(TinyModel.random(torch, Tensor.boxed(shape), random));
    for (int i = 0; i < values.length; i++) {
      values[i] = shift == 0 ? values[i] : shift + Math.max(-3, values[i]);
    }
    Tensor tensor = Tensor.ofFloats(torch, values, shape);
    torchvision.put(torch, tensor);
    hub.put(hubName, tensor);
  }
}
