package dev.offramp.runtime.engine;

import dev.offramp.models.Exit;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.models.ResnetArchitecture.Block;
import dev.offramp.models.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A residual network written down as plainly as possible, in double precision: what devices and the
 * ONNX export are compared with. Activations are [channels][height][width].
 */
public final class PlainResnet {
  private final ModelDirectory model;
  private final ResnetArchitecture architecture;

  public PlainResnet(ModelDirectory model) {
    this.model = model;
    architecture = model.config().resnet();
  }

  /** What goes in: (byte / 255 - mean) / std of packed pixels. */
  public double[][][] normalized(int[] pixels) {
    ResnetArchitecture.Image image = architecture.image();
    var preprocessing = (ImagePreprocessing) model.config().preprocessing();
    double[][][] x = new double[image.channels()][image.height()][image.width()];
    for (int c = 0; c < image.channels(); c++) {
      for (int p = 0; p < pixels.length; p++) {
        double value = (pixels[p] >> 8 * c & 0xff) / 255.0;
        x[c][p / image.width()][p % image.width()] =
            (value - preprocessing.mean().get(c)) / preprocessing.std().get(c);
      }
    }
    return x;
  }

  /** What each block puts out. */
  public List<double[][][]> states(int[] pixels) {
    ResnetArchitecture.Stem stem = architecture.stem();
    double[][][] x = relu(convolution("stem", normalized(pixels), stem.stride(), 1));
    if (stem.maxPool()) {
      x = maxPool(x);
    }
    List<double[][][]> states = new ArrayList<>();
    for (Block block : architecture.blocks()) {
      x = block("blocks." + states.size() + ".", block, x);
      states.add(x);
    }
    return states;
  }

  /** Logits of each exit, [exits][labels]. */
  public double[][] logits(int[] pixels) {
    List<double[][][]> states = states(pixels);
    List<Exit> exits = model.config().exits();
    double[][] logits = new double[exits.size()][];
    for (int e = 0; e < logits.length; e++) {
      double[] pooled =
          pooled(states.get(exits.get(e).afterLayer() - 1), exits.get(e).head().grid());
      Tensor weight = model.tensor("exits." + e + ".weight");
      Tensor bias = model.tensor("exits." + e + ".bias");
      logits[e] = new double[model.config().labels().size()];
      for (int l = 0; l < logits[e].length; l++) {
        logits[e][l] = bias.floatAt(l);
        for (int f = 0; f < pooled.length; f++) {
          logits[e][l] += pooled[f] * weight.floatAt((long) l * pooled.length + f);
        }
      }
    }
    return logits;
  }

  private double[][][] block(String name, Block block, double[][][] x) {
    double[][][] y;
    if (architecture.block().equals(ResnetArchitecture.BASIC)) {
      y = relu(convolution(name + "conv1", x, block.stride(), 1));
      y = convolution(name + "conv2", y, 1, 1);
    } else {
      y = relu(convolution(name + "conv1", x, 1, 1));
      y = relu(convolution(name + "conv2", y, block.stride(), architecture.cardinality()));
      y = convolution(name + "conv3", y, 1, 1);
    }
    double[][][] shortcut = x;
    if (block.changes()) {
      shortcut =
          architecture.shortcut().equals(ResnetArchitecture.PROJECTION)
              ? convolution(name + "shortcut", x, block.stride(), 1)
              : padded(x, block);
    }
    for (int c = 0; c < y.length; c++) {
      for (int h = 0; h < y[c].length; h++) {
        for (int w = 0; w < y[c][h].length; w++) {
          y[c][h][w] += shortcut[c][h][w];
        }
      }
    }
    return relu(y);
  }

  /** Every stride-th pixel, channels of 0 before and after. */
  private static double[][][] padded(double[][][] x, Block block) {
    ResnetArchitecture.Image out = block.out();
    double[][][] y = new double[out.channels()][out.height()][out.width()];
    int before = (out.channels() - x.length) / 2;
    for (int c = 0; c < x.length; c++) {
      for (int h = 0; h < out.height(); h++) {
        for (int w = 0; w < out.width(); w++) {
          y[before + c][h][w] = x[c][h * block.stride()][w * block.stride()];
        }
      }
    }
    return y;
  }

  private double[][][] convolution(String name, double[][][] x, int stride, int groups) {
    Tensor weight = model.tensor(name + ".weight");
    Tensor bias = model.tensor(name + ".bias");
    int out = Math.toIntExact(weight.shape().get(0));
    int in = Math.toIntExact(weight.shape().get(1));
    int kernel = Math.toIntExact(weight.shape().get(2));
    int height = (x[0].length - 1) / stride + 1;
    int width = (x[0][0].length - 1) / stride + 1;
    double[][][] y = new double[out][height][width];
    for (int o = 0; o < out; o++) {
      int first = o / (out / groups) * in;
      for (int h = 0; h < height; h++) {
        for (int w = 0; w < width; w++) {
          double sum = bias.floatAt(o);
          for (int i = 0; i < in; i++) {
            for (int k = 0; k < kernel * kernel; k++) {
              int row = h * stride + k / kernel - kernel / 2;
              int column = w * stride + k % kernel - kernel / 2;
              if (row >= 0 && row < x[0].length && column >= 0 && column < x[0][0].length) {
                float factor = weight.floatAt(((long) o * in + i) * kernel * kernel + k);
                sum += factor * x[first + i][row][column];
              }
            }
          }
          y[o][h][w] = sum;
        }
      }
    }
    return y;
  }

  /** 3x3 with stride 2 and padding 1. */
  private static double[][][] maxPool(double[][][] x) {
    double[][][] y = new double[x.length][(x[0].length + 1) / 2][(x[0][0].length + 1) / 2];
    for (int c = 0; c < x.length; c++) {
      for (int h = 0; h < y[c].length; h++) {
        for (int w = 0; w < y[c][h].length; w++) {
          double largest = Double.NEGATIVE_INFINITY;
          for (int row = Math.max(0, 2 * h - 1); row < Math.min(2 * h + 2, x[c].length); row++) {
            int end = Math.min(2 * w + 2, x[c][row].length);
            for (int column = Math.max(0, 2 * w - 1); column < end; column++) {
              largest = Math.max(largest, x[c][row][column]);
            }
          }
          y[c][h][w] = largest;
        }
      }
    }
    return y;
  }

  private static double[][][] relu(double[][][] x) {
    for (double[][] channel : x) {
      for (double[] row : channel) {
        for (int i = 0; i < row.length; i++) {
          row[i] = Math.max(0, row[i]);
        }
      }
    }
    return x;
  }

  /** Means of the cells, in the order cell row, cell column, channel. */
  private static double[] pooled(double[][][] x, int grid) {
    int height = x[0].length;
    int width = x[0][0].length;
    double[] pooled = new double[grid * grid * x.length];
    for (int cell = 0; cell < grid * grid; cell++) {
      int top = cell / grid * height / grid;
      int bottom = Math.ceilDiv((cell / grid + 1) * height, grid);
      int left = cell % grid * width / grid;
      int right = Math.ceilDiv((cell % grid + 1) * width, grid);
      for (int c = 0; c < x.length; c++) {
        double sum = 0;
        for (int h = top; h < bottom; h++) {
          for (int w = left; w < right; w++) {
            sum += x[c][h][w];
          }
        }
        pooled[cell * x.length + c] = sum / ((bottom - top) * (right - left));
      }
    }
    return pooled;
  }
}
