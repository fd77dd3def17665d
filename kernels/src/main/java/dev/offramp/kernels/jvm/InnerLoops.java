package dev.offramp.kernels.jvm;

/** The loops that take the time: once on the Vector API, once in plain Java. */
interface InnerLoops {
  /** Most rows of a tile. */
  int TILE_ROWS = 6;

  /** The fastest implementation that this JVM can run. */
  static InnerLoops best() {
    boolean vectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return vectors ? new VectorLoops() : new ScalarLoops();
  }

  /** Floats in a vector. Packed matrices are padded to a multiple of it. */
  int lanes();

  /** Width of a GEMM panel: as many vectors as the registers hold sums for. */
  int panelVectors();

  /** The code path in a few words. */
  String description();

  /** What is missing for full speed, or an empty text. */
  String note();

  /**
   * Multiplies a tile: c = start + a b, in one chain of fused multiply-adds in the order of the
   * inputs. The start is c without a bias, else the bias, plus c if {@code add}.
   *
   * @param rows 1 to {@link #TILE_ROWS}
   * @param vectors width in vectors, 1 to {@link #panelVectors}
   * @param depth inputs
   * @param b [depth, vectors * lanes] from {@code bAt} on
   */
  void tile(
      int rows,
      int vectors,
      int depth,
      Matrix a,
      int aRow,
      int aColumn,
      float[] b,
      int bAt,
      Matrix c,
      int cRow,
      int cColumn,
      float[] bias,
      int biasAt,
      boolean add);

  /** x = gelu(x) on a tile; {@code width} is a multiple of the lanes. */
  void gelu(Matrix x, int row, int column, int rows, int width);

  /** x = max(x, 0) on a tile; {@code width} is a multiple of the lanes. */
  void relu(Matrix x, int row, int column, int rows, int width);

  /**
   * x = softmax(scale * x) on {@code count} elements. The elements that follow up to a full vector
   * are overwritten.
   */
  void softmax(float[] x, int at, int count, float scale);

  /** Layer normalization of one vector; {@code out} may be {@code in} at the same place. */
  void normalize(
      float[] in,
      int inAt,
      float[] gamma,
      float[] beta,
      float epsilon,
      float[] out,
      int outAt,
      int count);

  /** Runs rounds of fused multiply-adds on registers and returns how many there were a round. */
  int peak(int rounds);
}
