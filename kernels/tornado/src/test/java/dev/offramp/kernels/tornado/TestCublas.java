package dev.offramp.kernels.tornado;

import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.cublas.CuBlas;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryContext;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoLibraryProvider;

/**
 * Stands in for cuBLAS, on any device, as long as there is a test that wants it; TornadoVM finds it
 * through the service file.
 */
public final class TestCublas implements TornadoLibraryProvider {
  static final int PLAIN = 0;
  static final int TRANSPOSED = 1;

  /** What happens before each run of a library task; null where there is no cuBLAS. */
  static volatile Consumer<LibraryTaskDescriptor> prepared;

  /** What a library task does. */
  static volatile Consumer<LibraryInvocation> dispatched;

  @Override
  public String libraryName() {
    return CuBlas.LIBRARY_NAME;
  }

  @Override
  public boolean canHandle(TornadoXPUDevice device) {
    return prepared != null;
  }

  @Override
  public LibraryContext createContext(TornadoXPUDevice device, long plan) {
    return null;
  }

  @Override
  public void prepare(LibraryTaskDescriptor descriptor, LibraryContext context) {
    prepared.accept(descriptor);
  }

  @Override
  public void dispatch(String function, LibraryInvocation invocation) {
    if (!function.equals("cublasSgemm")) {
      throw new IllegalArgumentException(function);
    }
    dispatched.accept(invocation);
  }

  @Override
  public void destroyContext(LibraryContext context) {}

  /**
   * The product as the manual of cuBLAS defines it, summed in F64; columns lie one after another.
   */
  static void sgemm(
      int opA,
      int opB,
      int m,
      int n,
      int k,
      float alpha,
      float[] a,
      int lda,
      float[] b,
      int ldb,
      float beta,
      float[] c,
      int ldc) {
    if (lda < (opA == PLAIN ? m : k) || ldb < (opB == PLAIN ? k : n) || ldc < m) {
      throw new IllegalArgumentException("CUBLAS_STATUS_INVALID_VALUE");
    }
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < m; i++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += (double) element(opA, a, lda, i, l) * element(opB, b, ldb, l, j);
        }
        int at = i + j * ldc;
        c[at] = (float) (beta == 0 ? alpha * sum : alpha * sum + beta * c[at]);
      }
    }
  }

  private static float element(int op, float[] matrix, int ld, int row, int column) {
    return switch (op) {
      case PLAIN -> matrix[row + column * ld];
      case TRANSPOSED -> matrix[column + row * ld];
      default -> throw new IllegalArgumentException("CUBLAS_STATUS_INVALID_VALUE");
    };
  }
}
