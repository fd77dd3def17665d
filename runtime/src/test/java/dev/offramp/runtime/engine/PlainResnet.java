package dev.offramp.runtime.engine;

import dev.offramp.models.Exit;
import dev.offramp.models.ImagePreprocessing;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.models.Tensor;

/** A residual network as its paper writes it, in doubles and one image at a time. */
final class PlainResnet {
  private final ModelDirectory model;
  private final ResnetArchitecture architecture;

  PlainResnet(ModelDirectory model) {
    this.model = model;
    architecture = model.config().resnet();
  }

  /** Class probabilities of an exit. */
  double[] probabilities(int[] row, int exit) {
    Exit at = model.config().exits().get(exit);
    double[][][] x = input(row);
    ResnetArchitecture.Stem stem = architecture.stem();
    x = relu(convolution("stem", x, stem.stride(), 1));
    if (stem.maxPool()) {
      x = maxPool(x);
    }
    for (int b = 0; b < at.afterLayer(); b++) {
      x = block(b, x);
    }
    return softmax(logits(exit, x, at.head().grid()));
  }

  /** [channels][height][width]. */
  private double[][][] input(int[] row) {
    ImagePreprocessing input = (ImagePreprocessing) model.config().preprocessing();
    ResnetArchitecture.Image size = architecture.image();
    double[][][] x = new double[size.channels()][size.height()][size.width()];
    for (int c = 0; c < x.length; c++) {
      for (int p = 0; p < row.length; p++) {
        double value = (row[p] >>> 8 * c & 255) / 255.0;
        x[c][p / size.width()][p % size.width()] =
            (value - input.mean().get(c)) / input.std().get(c);
      }
    }
    return x;
  }

  private double[][][] block(int b, double[][][] x) {
    String name = "blocks." + b + ".";
    ResnetArchitecture.Block block = architecture.blocks().get(b);
    double[][][] y;
    if (architecture.block().equals("basic")) {
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
          architecture.shortcut().equals("pad")
              ? padded(x, block.stride(), y)
              : convolution(name + "shortcut", x, block.stride(), 1);
    }
    for (int c = 0; c < y.length; c++) {
      for (int i = 0; i < y[c].length; i++) {
        for (int j = 0; j < y[c][i].length; j++) {
          y[c][i][j] += shortcut[c][i][j];
        }
      }
    }
    return relu(y);
  }

  /** Every stride-th pixel, channels in the middle of those of {@code like}. */
  private static double[][][] padded(double[][][] x, int stride, double[][][] like) {
    double[][][] y = new double[like.length][like[0].length][like[0][0].length];
    int before = (like.length - x.length) / 2;
    for (int c = 0; c < x.length; c++) {
      for (int i = 0; i < like[0].length; i++) {
        for (int j = 0; j < like[0][0].length; j++) {
          y[c + before][i][j] = x[c][i * stride][j * stride];
        }
      }
    }
    return y;
  }

  private double[][][] convolution(String name, double[][][] x, int stride, int groups) {
    Tensor weight = model.tensor(name + ".weight");
    Tensor bias = model.tensor(name + ".bias");
    int outputs = Math.toIntExact(weight.shape().get(0));
    int inputs = Math.toIntExact(weight.shape().get(1));
    int kernel = Math.toIntExact(weight.shape().get(2));
    int height = (x[0].length - 1) / stride + 1;
    int width = (x[0][0].length - 1) / stride + 1;
    double[][][] y = new double[outputs][height][width];
    for (int o = 0; o < outputs; o++) {
      int first = o / (outputs / groups) * inputs;
      for (int i = 0; i < height; i++) {
        for (int j = 0; j < width; j++) {
          double sum = bias.floatAt(o);
          for (int c = 0; c < inputs; c++) {
            for (int k = 0; k < kernel * kernel; k++) {
              int r = i * stride + k / kernel - kernel / 2;
              int s = j * stride + k % kernel - kernel / 2;
              if (r >= 0 && r < x[0].length && s >= 0 && s < x[0][0].length) {
                long at = ((long) o * inputs + c) * kernel * kernel + k;
                sum += weight.floatAt(at) * x[first + c][r][s];
              }
            }
          }
          y[o][i][j] = sum;
        }
      }
    }
    return y;
  }

  private static double[][][] maxPool(double[][][] x) {
    int height = (x[0].length - 1) / 2 + 1;
    int width = (x[0][0].length - 1) / 2 + 1;
    double[][][] y = new double[x.length][height][width];
    for (int c = 0; c < x.length; c++) {
      for (int i = 0; i < height; i++) {
        for (int j = 0; j < width; j++) {
          double most = Double.NEGATIVE_INFINITY;
          for (int r = Math.max(0, 2 * i - 1); r <= Math.min(2 * i + 1, x[c].length - 1); r++) {
            for (int s = Math.max(0, 2 * j - 1);
                s <= Math.min(2 * j + 1, x[c][r].length - 1);
                s++) {
              most = Math.max(most, x[c][r][s]);
            }
          }
          y[c][i][j] = most;
        }
      }
    }
    return y;
  }

  private static double[][][] relu(double[][][] x) {
    for (double[][] map : x) {
      for (double[] line : map) {
        for (int j = 0; j < line.length; j++) {
          line[j] = Math.max(0, line[j]);
        }
      }
    }
    return x;
  }

  private double[] logits(int exit, double[][][] x, int grid) {
    Tensor weight = model.tensor("exits." + exit + ".weight");
    double[] logits = new double[model.config().labels().size()];
    for (int label = 0; label < logits.length; label++) {
      logits[label] = model.tensor("exits." + exit + ".bias").floatAt(label);
    }
    int feature = 0;
    for (int r = 0; r < grid; r++) {
      for (int s = 0; s < grid; s++) {
        for (double[][] map : x) {
          double mean = mean(map, r, s, grid);
          for (int label = 0; label < logits.length; label++) {
            logits[label] += weight.floatAt(label * weight.shape().get(1) + feature) * mean;
          }
          feature++;
        }
      }
    }
    return logits;
  }

  private static double mean(double[][] map, int r, int s, int grid) {
    double sum = 0;
    int count = 0;
    for (int i = r * map.length / grid; i < Math.ceilDiv((r + 1) * map.length, grid); i++) {
      int end = Math.ceilDiv((s + 1) * map[i].length, grid);
      for (int j = s * map[i].length / grid; j < end; j++) {
        sum += map[i][j];
        count++;
      }
    }
    return sum / count;
  }

  private static double[] softmax(double[] logits) {
    double most = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      most = Math.max(most, logit);
    }
    double sum = 0;
    double[] p = new double[logits.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(logits[i] - most);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }
}
