package dev.offramp.kernels.tornado;

import static uk.ac.manchester.tornado.cublas.enums.CuBlasOperation.CUBLAS_OP_N;
import static uk.ac.manchester.tornado.cublas.enums.CuBlasOperation.CUBLAS_OP_T;

import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.cublas.CuBlas;

/**
 * What cublasSgemm is asked for: C = op(A) op(B) + beta C, op(A) of m x k and op(B) of k x n
 * numbers, in matrices whose columns lie one after the other. Of TornadoVM's cuBLAS, so this class
 * must not be touched where {@link Cublas#find} found none.
 */
record Sgemm(int opA, int opB, int m, int n, int k, int lda, int ldb, float beta, int ldc) {
  /**
   * Out = in W, where rows lie one after the other, computed as its transpose: (outputs, rows) = W
   * (outputs, inputs) in (inputs, rows). A is W, B is in and C is out.
   *
   * @param onto whether to add to what is in out already
   */
  static Sgemm of(int rows, int inputs, int outputs, boolean onto) {
    return new Sgemm(
        CUBLAS_OP_T.operation(),
        CUBLAS_OP_N.operation(),
        outputs,
        rows,
        inputs,
        inputs,
        inputs,
        onto ? 1 : 0,
        outputs);
  }

  /** Adds the library task to a graph. */
  void add(TaskGraph graph, String task, FloatArray a, FloatArray b, FloatArray c) {
    graph.libraryTask(
        task, CuBlas::cublasSgemm, opA, opB, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
  }
}
