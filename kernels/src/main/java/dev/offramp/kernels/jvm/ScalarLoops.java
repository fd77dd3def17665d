package dev.offramp.kernels.jvm;

/** Inner loops in plain Java, for a JVM without the Vector API or a processor without its FMA. */
final class ScalarLoops implements InnerLoops {
  private static final int LANES = 8;

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public int panelVectors() {
    return 8;
  }

  @Override
  public int panelsTogether() {
    return 1;
  }

  @Override
  public int tileRows(int vectors) {
    return TILE_ROWS;
  }

  @Override
  public boolean winograd() {
    return false;
  }

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public String note() {
    return Fma.PRESENT
        ? "The Vector API is missing and the slow path is in use:"
            + " start Java with --add-modules jdk.incubator.vector."
        : "This JVM sees no fused multiply-add (FMA) and the slow path is in use: choose a processor"
            + " that has it, in a virtual machine a type that shows it (such as host).";
  }

  @Override
  public void start(
      int rows,
      int width,
      float[] bias,
      int biasAt,
      Matrix residual,
      Matrix c,
      int cRow,
      int cColumn) {
    float[] y = c.data();
    for (int i = 0; i < rows; i++) {
      int at = c.at(cRow + i, cColumn);
      if (residual == null) {
        System.arraycopy(bias, biasAt, y, at, width);
        continue;
      }
      int from = residual.at(cRow + i, cColumn);
      for (int j = 0; j < width; j++) {
        y[at + j] = bias[biasAt + j] + residual.data()[from + j];
      }
    }
  }

  @Override
  public void tile(
      int rows,
      int vectors,
      int depth,
      Matrix a,
      int aRow,
      int aColumn,
      float[] b,
      int bAt,
      float[] bias,
      int biasAt,
      Matrix c,
      int cRow,
      int cColumn) {
    int width = vectors * LANES;
    float[] sums = new float[width];
    for (int row = 0; row < rows; row++) {
      int to = c.at(cRow + row, cColumn);
      if (bias == null) {
        System.arraycopy(c.data(), to, sums, 0, width);
      } else {
        System.arraycopy(bias, biasAt, sums, 0, width);
      }
      int from = a.at(aRow + row, aColumn);
      int line = bAt;
      for (int k = 0; k < depth; k++, line += width) {
        float x = a.data()[from + k];
        for (int j = 0; j < width; j++) {
          sums[j] = Fma.of(x, b[line + j], sums[j]);
        }
      }
      System.arraycopy(sums, 0, c.data(), to, width);
    }
  }

  @Override
  public int linePixels() {
    return TILE_ROWS;
  }

  @Override
  public void line(
      int pixels,
      int depth,
      Matrix a,
      int aRow,
      int aColumn,
      float[] b,
      int bAt,
      Matrix c,
      int cRow,
      int cColumn) {
    float[] y = c.data();
    for (int pixel = 0; pixel < pixels; pixel++) {
      int to = c.at(cRow, cColumn) + pixel * c.stride();
      int from = a.at(aRow, aColumn) + pixel * a.stride();
      int line = bAt;
      for (int k = 0; k < depth; k++) {
        for (int i = 0; i < 3; i++, line += LANES) {
          float x = a.data()[from + i * a.stride() + k];
          for (int j = 0; j < LANES; j++) {
            y[to + j] = Fma.of(x, b[line + j], y[to + j]);
          }
        }
      }
    }
  }

  @Override
  public void gelu(Matrix x, int row, int column, int rows, int width) {
    float[] data = x.data();
    for (int i = row; i < row + rows; i++) {
      int at = x.at(i, column);
      for (int j = at; j < at + width; j++) {
        data[j] = Gelu.of(data[j]);
      }
    }
  }

  @Override
  public void relu(Matrix x, int row, int column, int rows, int width) {
    float[] data = x.data();
    for (int i = row; i < row + rows; i++) {
      int at = x.at(i, column);
      for (int j = at; j < at + width; j++) {
        data[j] = Math.max(data[j], 0);
      }
    }
  }

  @Override
  public void softmax(float[] x, int rows, int stride, int count, float scale) {
    for (int row = 0; row < rows; row++) {
      int at = row * stride;
      float max = Float.NEGATIVE_INFINITY;
      for (int i = at; i < at + count; i++) {
        max = Math.max(max, x[i]);
      }
      float sum = 0;
      for (int i = at; i < at + count; i++) {
        x[i] = (float) Math.exp((x[i] - max) * scale);
        sum += x[i];
      }
      for (int i = at; i < at + count; i++) {
        x[i] /= sum;
      }
    }
  }

  @Override
  public void normalize(
      float[] in,
      int inAt,
      float[] gamma,
      float[] beta,
      float epsilon,
      float[] out,
      int outAt,
      int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += in[inAt + i];
    }
    float mean = (float) (sum / count);
    double square = 0;
    for (int i = 0; i < count; i++) {
      float d = in[inAt + i] - mean;
      square += d * d;
    }
    float factor = (float) (1 / Math.sqrt(square / count + epsilon));
    for (int i = 0; i < count; i++) {
      out[outAt + i] = (in[inAt + i] - mean) * factor * gamma[i] + beta[i];
    }
  }

  @Override
  public int peak(int rounds) {
    float[] sums = new float[LANES * 8];
    for (int i = 0; i < rounds; i++) {
      for (int j = 0; j < sums.length; j++) {
        sums[j] = Fma.of(sums[j], 0.999f, 0.001f);
      }
    }
    return sums[0] == 0 ? 0 : sums.length;
  }
}
