package dev.offramp.kernels.jvm;

import static dev.offramp.kernels.jvm.Vectors.LANES;
import static dev.offramp.kernels.jvm.Vectors.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Inner loops on the Vector API. */
final class VectorLoops implements InnerLoops {
  /** 256 bits usually means AVX2 with 16 registers; 128 (NEON) and 512 come with 32. */
  static final boolean FEW_REGISTERS = SPECIES.vectorBitSize() == 256;

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public int panelVectors() {
    return FEW_REGISTERS ? 2 : 4;
  }

  @Override
  public int panelsTogether() {
    return FEW_REGISTERS ? 8 : 1;
  }

  @Override
  public int tileRows(int vectors) {
    return FEW_REGISTERS ? Tiles.BIASED_SUMS / vectors : Tiles.ROWS[vectors - 1];
  }

  @Override
  public boolean winograd() {
    return true;
  }

  @Override
  public String description() {
    return "Vector API, " + SPECIES.vectorBitSize() + " bits";
  }

  @Override
  public String note() {
    return "";
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
        for (int j = 0; j < width; j += LANES) {
          FloatVector.fromArray(SPECIES, bias, biasAt + j).intoArray(y, at + j);
        }
        continue;
      }
      float[] r = residual.data();
      int from = residual.at(cRow + i, cColumn);
      for (int j = 0; j < width; j += LANES) {
        FloatVector.fromArray(SPECIES, bias, biasAt + j)
            .add(FloatVector.fromArray(SPECIES, r, from + j))
            .intoArray(y, at + j);
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
    if (bias != null && FEW_REGISTERS) {
      Tiles.biased(rows, vectors, depth, a, aRow, aColumn, b, bAt, c, cRow, cColumn, bias, biasAt);
      return;
    }
    if (bias != null) {
      start(rows, vectors * LANES, bias, biasAt, null, c, cRow, cColumn);
    }
    Tiles.run(rows, vectors, depth, a, aRow, aColumn, b, bAt, c, cRow, cColumn);
  }

  @Override
  public int linePixels() {
    return Tiles.PIXELS;
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
    int from = a.at(aRow, aColumn);
    int to = c.at(cRow, cColumn);
    Tiles.line(pixels, depth, a.data(), from, a.stride(), b, bAt, c.data(), to, c.stride());
  }

  @Override
  public void gelu(Matrix x, int row, int column, int rows, int width) {
    float[] data = x.data();
    for (int i = row; i < row + rows; i++) {
      int at = x.at(i, column);
      for (int j = at; j < at + width; j += LANES) {
        Vectors.gelu(FloatVector.fromArray(SPECIES, data, j)).intoArray(data, j);
      }
    }
  }

  @Override
  public void relu(Matrix x, int row, int column, int rows, int width) {
    float[] data = x.data();
    for (int i = row; i < row + rows; i++) {
      int at = x.at(i, column);
      for (int j = at; j < at + width; j += LANES) {
        // A comparison lets NaN pass and is cheaper than max with Java's rules for it.
        FloatVector v = FloatVector.fromArray(SPECIES, data, j);
        v.blend(0f, v.compare(VectorOperators.LE, 0f)).intoArray(data, j);
      }
    }
  }

  // One loop over the rows for each step: a row's maximum and sum are chains of dependent
  // instructions, and short loops let the processor work on several rows at once.
  @Override
  public void softmax(float[] x, int rows, int stride, int count, float scale) {
    int last = (count - 1) / LANES * LANES;
    int end = rows * stride;
    for (int at = 0; at < end; at += stride) {
      for (int i = at + count; i < at + last + LANES; i++) {
        x[i] = Float.NEGATIVE_INFINITY;
      }
      FloatVector maxima = FloatVector.fromArray(SPECIES, x, at);
      for (int i = at + LANES; i <= at + last; i += LANES) {
        maxima = Vectors.larger(maxima, FloatVector.fromArray(SPECIES, x, i));
      }
      maxima = Vectors.max(maxima);
      for (int i = at; i <= at + last; i += LANES) {
        FloatVector.fromArray(SPECIES, x, i).sub(maxima).mul(scale).intoArray(x, i);
      }
    }
    for (int at = 0; at < end; at += stride) {
      for (int i = at; i <= at + last; i += LANES) {
        FloatVector d = FloatVector.fromArray(SPECIES, x, i);
        Vectors.exp(d.blend(-87f, d.compare(VectorOperators.LT, -87f))).intoArray(x, i);
      }
    }
    for (int at = 0; at < end; at += stride) {
      FloatVector sums = FloatVector.fromArray(SPECIES, x, at);
      for (int i = at + LANES; i <= at + last; i += LANES) {
        sums = sums.add(FloatVector.fromArray(SPECIES, x, i));
      }
      float factor = 1 / Vectors.sum(sums);
      for (int i = at; i <= at + last; i += LANES) {
        FloatVector.fromArray(SPECIES, x, i).mul(factor).intoArray(x, i);
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
    int bound = SPECIES.loopBound(count);
    FloatVector sums = FloatVector.zero(SPECIES);
    for (int i = 0; i < bound; i += LANES) {
      sums = sums.add(FloatVector.fromArray(SPECIES, in, inAt + i));
    }
    float sum = Vectors.sum(sums);
    for (int i = bound; i < count; i++) {
      sum += in[inAt + i];
    }
    float mean = sum / count;

    FloatVector squares = FloatVector.zero(SPECIES);
    for (int i = 0; i < bound; i += LANES) {
      FloatVector d = FloatVector.fromArray(SPECIES, in, inAt + i).sub(mean);
      squares = d.fma(d, squares);
    }
    float square = Vectors.sum(squares);
    for (int i = bound; i < count; i++) {
      float d = in[inAt + i] - mean;
      square += d * d;
    }
    float factor = (float) (1 / Math.sqrt((double) square / count + epsilon));

    for (int i = 0; i < bound; i += LANES) {
      FloatVector.fromArray(SPECIES, in, inAt + i)
          .sub(mean)
          .mul(factor)
          .fma(FloatVector.fromArray(SPECIES, gamma, i), FloatVector.fromArray(SPECIES, beta, i))
          .intoArray(out, outAt + i);
    }
    for (int i = bound; i < count; i++) {
      out[outAt + i] = (in[inAt + i] - mean) * factor * gamma[i] + beta[i];
    }
  }

  @Override
  public int peak(int rounds) {
    float alive = Tiles.peak(rounds);
    return alive == 0 ? 0 : Tiles.PEAK_CHAINS * LANES;
  }
}
