package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Pooling;
import java.util.Arrays;

/**
 * What operations are, said plainly and in double precision, one position or row at a time. It is
 * written to be read beside the contract of {@link dev.offramp.kernels.Device}, not to be fast.
 */
final class PlainMath {
  /** erf of more than this is 1 to the last bit of a double. */
  private static final double ENOUGH = 6;

  private PlainMath() {}

  /** out = epilogue(W in + b) of one position; weight is [outputs, inputs]. */
  static double[] linear(
      double[] in, float[] weight, float[] bias, Epilogue epilogue, double[] residual) {
    double[] out = new double[weight.length / in.length];
    for (int o = 0; o < out.length; o++) {
      double sum = bias == null ? 0 : bias[o];
      for (int i = 0; i < in.length; i++) {
        sum += in[i] * weight[o * in.length + i];
      }
      out[o] = finish(sum, epilogue, residual == null ? 0 : residual[o]);
    }
    return out;
  }

  static double finish(double sum, Epilogue epilogue, double residual) {
    return switch (epilogue) {
      case BIAS -> sum;
      case BIAS_GELU -> gelu(sum);
      case BIAS_RELU -> Math.max(sum, 0);
      case BIAS_RESIDUAL -> sum + residual;
      case BIAS_RESIDUAL_RELU -> Math.max(sum + residual, 0);
    };
  }

  static double gelu(double x) {
    return 0.5 * x * (1 + erf(x / Math.sqrt(2)));
  }

  /** 2 / sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / (3 * 5) + ..), whose terms have one sign. */
  static double erf(double x) {
    if (!(Math.abs(x) <= ENOUGH)) {
      return Math.signum(x); // NaN of NaN
    }
    double sum = 0;
    double term = x;
    for (int n = 3; sum + term != sum; n += 2) {
      sum += term;
      term *= 2 * x * x / n;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  static double[] layerNorm(double[] x, double[] gamma, double[] beta, double epsilon) {
    double mean = Arrays.stream(x).average().orElseThrow();
    double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = (x[i] - mean) / Math.sqrt(variance + epsilon) * gamma[i] + beta[i];
    }
    return y;
  }

  /** Self-attention of one row: qkv is [length][3 * heads * headSize]. */
  static double[][] attention(double[][] qkv, int heads, int headSize) {
    int width = heads * headSize;
    double[][] out = new double[qkv.length][width];
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < qkv.length; i++) {
        double[] scores = new double[qkv.length];
        for (int j = 0; j < qkv.length; j++) {
          for (int d = 0; d < headSize; d++) {
            scores[j] += qkv[i][h * headSize + d] * qkv[j][width + h * headSize + d];
          }
          scores[j] /= Math.sqrt(headSize);
        }
        double[] weights = softmax(scores);
        for (int j = 0; j < qkv.length; j++) {
          for (int d = 0; d < headSize; d++) {
            out[i][h * headSize + d] += weights[j] * qkv[j][2 * width + h * headSize + d];
          }
        }
      }
    }
    return out;
  }

  static double[] softmax(double[] x) {
    double max = Arrays.stream(x).max().orElseThrow();
    double[] e = Arrays.stream(x).map(v -> Math.exp(v - max)).toArray();
    double sum = Arrays.stream(e).sum();
    return Arrays.stream(e).map(v -> v / sum).toArray();
  }

  /** Pools the valid positions of one row: in is [length][width]. */
  static double[] pool(double[][] in, Pooling pooling) {
    double[] out = in[0].clone();
    for (int p = 1; p < in.length; p++) {
      for (int j = 0; j < out.length; j++) {
        out[j] =
            switch (pooling) {
              case MEAN -> out[j] + in[p][j];
              case FIRST -> out[j];
              case MAX -> Math.max(out[j], in[p][j]);
            };
      }
    }
    return pooling == Pooling.MEAN ? Arrays.stream(out).map(v -> v / in.length).toArray() : out;
  }

  /** The largest of those that are not NaN, the first of equals; 0 where all are NaN. */
  static int prediction(double[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      if (logits[c] > logits[best] || Double.isNaN(logits[best]) && !Double.isNaN(logits[c])) {
        best = c;
      }
    }
    return best;
  }

  static double score(double[] probabilities, Confidence confidence) {
    double[] sorted = Arrays.stream(probabilities).sorted().toArray();
    double top = sorted[sorted.length - 1];
    return switch (confidence) {
      case TOP1 -> top;
      case MARGIN -> top - (sorted.length == 1 ? 0 : sorted[sorted.length - 2]);
      case ENTROPY ->
          sorted.length == 1
              ? 1
              : 1
                  + Arrays.stream(sorted).map(p -> p == 0 ? 0 : p * Math.log(p)).sum()
                      / Math.log(sorted.length);
    };
  }
}
