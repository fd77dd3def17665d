package dev.offramp.kernels.jvm;

import dev.offramp.kernels.Epilogue;

/** The loops that take the time: once on the Vector API, once in plain Java. */
interface InnerLoops {
  /** Rows that a tile of any width can have. */
  int TILE_ROWS = 6;

  /** The fastest implementation that this JVM can run. */
  static InnerLoops best() {
    boolean vectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return vectors && Fma.PRESENT ? new VectorLoops() : new ScalarLoops();
  }

  /** Floats in a vector. Packed matrices are padded to a multiple of it. */
  int lanes();

  /** Floats in full vectors that hold so many. */
  default int padded(int count) {
    return Math.ceilDiv(count, lanes()) * lanes();
  }

  /** Width of a GEMM panel: as many vectors as the registers hold sums for. */
  int panelVectors();

  /**
   * Panels of a GEMM that some rows meet one after the other before the next rows do. With narrow
   * panels this makes runs of outputs that the processor fetches ahead: with AVX2, products of many
   * outputs were 10 % faster with 128 outputs together than with 16. Their weights are to stay in
   * the second-level cache.
   */
  int panelsTogether();

  /** Most rows of a tile of that width: as many as the registers hold sums for. */
  int tileRows(int vectors);

  /** Whether {@link WinogradLoops} can be used. */
  boolean winograd();

  /** The code path in a few words. */
  String description();

  /** What is missing for full speed, or an empty text. */
  String note();

  /**
   * Stores what a tile starts from: the bias, and the residual where there is one.
   *
   * @param residual in the same rows and columns as c, may be c or null
   * @param width a multiple of the lanes
   */
  void start(
      int rows,
      int width,
      float[] bias,
      int biasAt,
      Matrix residual,
      Matrix c,
      int cRow,
      int cColumn);

  /**
   * Multiplies a tile: c = bias + a b, or c += a b, in one chain of fused multiply-adds in the
   * order of the inputs.
   *
   * @param rows 1 to {@link #tileRows}
   * @param vectors width in vectors, 1 to {@link #panelVectors}
   * @param depth inputs
   * @param b [depth, vectors * lanes] from {@code bAt} on
   * @param bias [vectors * lanes] from {@code biasAt} on, or null to add to c
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
      float[] bias,
      int biasAt,
      Matrix c,
      int cRow,
      int cColumn);

  /** Most pixels that {@link #line} computes. */
  int linePixels();

  /**
   * Adds one line of 3 x 3 kernels to neighbouring pixels of an output line, one vector wide, in
   * the order of the inputs and then of the kernel's columns. A number that is read serves the
   * three pixels that see it, where {@link #tile} would read it once for each. What it is for is
   * the first layer of CIFAR's networks where 16 floats are a vector: {@link Winograd} takes no
   * three channels, and with tiles that layer was a tenth slower.
   *
   * @param pixels 1 to {@link #linePixels}
   * @param depth inputs of a pixel
   * @param a [pixels + 2, depth] from row, column on; its stride is a pixel's
   * @param b [depth, 3, lanes] from {@code bAt} on
   * @param c [pixels, lanes] from row, column on
   */
  void line(
      int pixels,
      int depth,
      Matrix a,
      int aRow,
      int aColumn,
      float[] b,
      int bAt,
      Matrix c,
      int cRow,
      int cColumn);

  /** x = gelu(x) on a tile; {@code width} is a multiple of the lanes. */
  void gelu(Matrix x, int row, int column, int rows, int width);

  /** x = max(x, 0) on a tile; {@code width} is a multiple of the lanes. */
  void relu(Matrix x, int row, int column, int rows, int width);

  /** The activation of an epilogue on a tile that has just been computed and is in the cache. */
  default void activate(Epilogue epilogue, Matrix x, int row, int column, int rows, int width) {
    switch (epilogue) {
      case BIAS, BIAS_RESIDUAL -> {}
      case BIAS_GELU -> gelu(x, row, column, rows, width);
      case BIAS_RELU, BIAS_RESIDUAL_RELU -> relu(x, row, column, rows, width);
    }
  }

  /**
   * x = softmax(scale * x) on the first {@code count} elements of each row.
   *
   * @param x [rows, stride]; what follows a row's count up to a full vector is overwritten
   */
  void softmax(float[] x, int rows, int stride, int count, float scale);

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
