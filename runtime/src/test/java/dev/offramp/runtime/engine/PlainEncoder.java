package dev.offramp.runtime.engine;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import java.util.function.DoubleUnaryOperator;
import org.apache.commons.math3.special.Erf;

/** A BERT encoder as its paper writes it, in doubles and one row at a time: the tests' oracle. */
final class PlainEncoder {
  private final ModelDirectory model;
  private final BertArchitecture architecture;
  private final DoubleUnaryOperator activation;

  PlainEncoder(ModelDirectory model) {
    this.model = model;
    architecture = model.config().bert();
    activation =
        architecture.activation().equals("relu")
            ? x -> Math.max(0, x)
            : x -> 0.5 * x * (1 + Erf.erf(x / Math.sqrt(2)));
  }

  /** Hidden states after the last layer, [tokens][hiddenSize]. */
  double[][] hiddenStates(int[] tokens) {
    double[][] x = new double[tokens.length][architecture.hiddenSize()];
    for (int p = 0; p < tokens.length; p++) {
      for (int j = 0; j < x[p].length; j++) {
        x[p][j] =
            at("embeddings.word_embeddings.weight", tokens[p], j)
                + at("embeddings.position_embeddings.weight", p, j)
                + at("embeddings.token_type_embeddings.weight", 0, j);
      }
    }
    x = norm("embeddings.LayerNorm", x);
    for (int l = 0; l < architecture.layers(); l++) {
      String layer = "encoder.layer." + l + ".";
      x =
          norm(
              layer + "attention.output.LayerNorm",
              sum(x, linear(layer + "attention.output.dense", attention(layer, x))));
      double[][] inner = linear(layer + "intermediate.dense", x);
      for (double[] row : inner) {
        for (int j = 0; j < row.length; j++) {
          row[j] = activation.applyAsDouble(row[j]);
        }
      }
      x = norm(layer + "output.LayerNorm", sum(x, linear(layer + "output.dense", inner)));
    }
    return x;
  }

  private double[][] attention(String layer, double[][] x) {
    double[][] query = linear(layer + "attention.self.query", x);
    double[][] key = linear(layer + "attention.self.key", x);
    double[][] value = linear(layer + "attention.self.value", x);
    int size = architecture.hiddenSize() / architecture.heads();
    double[][] context = new double[x.length][architecture.hiddenSize()];
    for (int head = 0; head < architecture.heads(); head++) {
      for (int p = 0; p < x.length; p++) {
        double[] weight = new double[x.length];
        double total = 0;
        for (int q = 0; q < x.length; q++) {
          double score = 0;
          for (int j = head * size; j < (head + 1) * size; j++) {
            score += query[p][j] * key[q][j];
          }
          weight[q] = Math.exp(score / Math.sqrt(size));
          total += weight[q];
        }
        for (int q = 0; q < x.length; q++) {
          for (int j = head * size; j < (head + 1) * size; j++) {
            context[p][j] += weight[q] / total * value[q][j];
          }
        }
      }
    }
    return context;
  }

  private double[][] linear(String name, double[][] x) {
    int outputs = Math.toIntExact(model.tensor(name + ".weight").shape().get(0));
    double[][] y = new double[x.length][outputs];
    for (int p = 0; p < x.length; p++) {
      for (int o = 0; o < outputs; o++) {
        y[p][o] = model.tensor(name + ".bias").floatAt(o);
        for (int j = 0; j < x[p].length; j++) {
          y[p][o] += at(name + ".weight", o, j) * x[p][j];
        }
      }
    }
    return y;
  }

  private double[][] norm(String name, double[][] x) {
    double[][] y = new double[x.length][];
    for (int p = 0; p < x.length; p++) {
      double mean = 0;
      double variance = 0;
      for (double value : x[p]) {
        mean += value / x[p].length;
      }
      for (double value : x[p]) {
        variance += (value - mean) * (value - mean) / x[p].length;
      }
      y[p] = new double[x[p].length];
      for (int j = 0; j < x[p].length; j++) {
        y[p][j] =
            (x[p][j] - mean)
                    / Math.sqrt(variance + architecture.layerNormEpsilon())
                    * model.tensor(name + ".weight").floatAt(j)
                + model.tensor(name + ".bias").floatAt(j);
      }
    }
    return y;
  }

  private static double[][] sum(double[][] x, double[][] y) {
    double[][] sum = new double[x.length][x[0].length];
    for (int p = 0; p < x.length; p++) {
      for (int j = 0; j < x[p].length; j++) {
        sum[p][j] = x[p][j] + y[p][j];
      }
    }
    return sum;
  }

  private double at(String name, int row, int column) {
    Tensor tensor = model.tensor(name);
    return tensor.floatAt((long) row * tensor.shape().get(1) + column);
  }
}
