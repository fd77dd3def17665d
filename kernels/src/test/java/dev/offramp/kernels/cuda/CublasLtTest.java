package dev.offramp.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of cuBLASLt's interface, which fakecuda.c computes as NVIDIA describes them. */
class CublasLtTest {
  private static final int ROWS = 5;
  private static final int INPUTS = 16;
  private static final int OUTPUTS = 8;

  @BeforeEach
  void reset() {
    FakeCuda.reset();
  }

  @AfterEach
  void nothingIsLeftAlive() {
    assertThat(FakeCuda.alive()).isEmpty();
  }

  private static CudaDriver open(Precision precision) {
    return FakeCuda.open(FakeCuda.withCublasLt(), precision);
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void computesEveryEpilogue(Precision precision) {
    for (Epilogue epilogue : List.of(Epilogue.BIAS, Epilogue.BIAS_RELU, Epilogue.BIAS_RESIDUAL)) {
      try (CudaDriver driver = open(precision)) {
        Memory weight = matrix(driver, precision, OUTPUTS, INPUTS, 1);
        Memory bias = matrix(driver, precision, 1, OUTPUTS, 2);
        Memory in = matrix(driver, precision, ROWS, INPUTS, 3);
        Memory residual = matrix(driver, precision, ROWS, OUTPUTS, 4);
        boolean adds = epilogue.addsResidual();
        driver
            .denseProduct()
            .run(
                ROWS,
                INPUTS,
                OUTPUTS,
                weight,
                bias,
                in,
                epilogue,
                adds ? residual : null,
                residual);
        float[] out = content(driver, precision, residual, ROWS * OUTPUTS);
        for (int row = 0; row < ROWS; row++) {
          for (int output = 0; output < OUTPUTS; output++) {
            float expected = element(2, output);
            for (int input = 0; input < INPUTS; input++) {
              expected += element(1, output * INPUTS + input) * element(3, row * INPUTS + input);
            }
            expected += adds ? element(4, row * OUTPUTS + output) : 0;
            expected = epilogue == Epilogue.BIAS_RELU ? Math.max(0, expected) : expected;
            assertThat(out[row * OUTPUTS + output]).isCloseTo(expected, within(1e-2f));
          }
        }
      }
    }
  }

  @Test
  void anAlgorithmIsChosenOnceForEachShape() {
    try (CudaDriver driver = open(Precision.F16)) {
      Memory memory = driver.allocate(4096);
      driver.zero(memory, 0, 4096);
      Memory odd = new Memory(memory.handle() + 2048 + 16, 1024);
      DenseProduct product = driver.denseProduct();
      assertThat(driver.denseProduct()).isSameAs(product);
      FakeCuda.log();
      run(product, 1, memory, memory);
      run(product, 1, memory, memory);
      run(product, 2, memory, memory);
      run(product, 2, memory, odd);
      String heuristic = "heuristic workspace 33554432 reduction 2 alignments 256 256 256 ";
      assertThat(FakeCuda.log())
          .containsExactly(
              heuristic + 256,
              "cublasLtMatmul 8 1 8 type 2 compute 68 epilogue 4 beta 1",
              "cublasLtMatmul 8 1 8 type 2 compute 68 epilogue 4 beta 1",
              heuristic + 256,
              "cublasLtMatmul 8 2 8 type 2 compute 68 epilogue 4 beta 1",
              heuristic + 16,
              "cublasLtMatmul 8 2 8 type 2 compute 68 epilogue 4 beta 1");
    }
  }

  @Test
  void precisionsDifferInHowTheyCompute() {
    for (Precision precision : List.of(Precision.F32, Precision.TF32)) {
      try (CudaDriver driver = open(precision)) {
        Memory memory = driver.allocate(4096);
        driver.zero(memory, 0, 4096);
        run(driver.denseProduct(), 1, memory, memory);
        assertThat(FakeCuda.log())
            .contains(
                "cublasLtMatmul 8 1 8 type 0 compute %d epilogue 4 beta 1"
                    .formatted(precision == Precision.F32 ? 68 : 77));
      }
    }
  }

  @Test
  void productsCanBeCaptured() {
    try (CudaDriver driver = open(Precision.F32)) {
      Memory memory = driver.allocate(4096);
      DenseProduct product = driver.denseProduct();
      driver.beginCapture();
      run(product, 1, memory, memory);
      driver.endCapture().launch();
      assertThat(FakeCuda.log())
          .endsWith("cuGraphLaunch", "cublasLtMatmul 8 1 8 type 0 compute 68 epilogue 4 beta 1");
    }
  }

  @Test
  void failuresAreNamed() {
    try (CudaDriver driver = open(Precision.F32)) {
      Memory memory = driver.allocate(4096);
      DenseProduct product = driver.denseProduct();
      FakeCuda.fail("cublasLtMatmulAlgoGetHeuristic", 1, 15);
      assertThatThrownBy(() -> run(product, 1, memory, memory))
          .hasMessageContaining(
              "cuda:0: cublasLtMatmulAlgoGetHeuristic of 1 rows of 8 inputs to 8 outputs with"
                  + " BIAS_RESIDUAL failed: CUBLAS_STATUS_NOT_SUPPORTED (15)");
      FakeCuda.fail("cublasLtMatmul", 1, 13);
      assertThatThrownBy(() -> run(product, 1, memory, memory))
          .hasMessageContaining("CUBLAS_STATUS_EXECUTION_FAILED (13)");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () -> product.run(1, 8, 8, memory, memory, memory, Epilogue.BIAS_GELU, null, memory));
    }
  }

  @Test
  void withoutTheLibraryThereIsNoProduct() {
    try (CudaDriver driver = FakeCuda.open(FakeCuda.driverOnly(), Precision.F32)) {
      assertThat(driver.denseProduct()).isNull();
    }
  }

  @Test
  void memoryThatIsMissingForTheWorkspaceLeavesNothing() {
    try (CudaDriver driver = open(Precision.F32)) {
      FakeCuda.fail("cuMemAllocAsync", 1, 2);
      assertThatThrownBy(driver::denseProduct).hasMessageContaining("of 33,554,432 bytes failed");
      assertThat(FakeCuda.alive()).doesNotContain("lt").doesNotContain("memory");
    }
  }

  private static void run(DenseProduct product, int rows, Memory in, Memory out) {
    product.run(rows, 8, 8, in, in, in, Epilogue.BIAS_RESIDUAL, in, out);
  }

  /** Small multiples of 1/8, exact in every type, different in every place. */
  private static float element(int seed, int place) {
    return ((place * 7 + seed * 5) % 23 - 11) / 8f;
  }

  private static Memory matrix(
      CudaDriver driver, Precision precision, int rows, int columns, int seed) {
    int bytes = precision.activations().bytes();
    Memory memory = driver.allocate((long) rows * columns * bytes);
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      MemorySegment segment = pinned.segment();
      for (int i = 0; i < rows * columns; i++) {
        if (bytes == 2) {
          segment.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(element(seed, i)));
        } else {
          segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, element(seed, i));
        }
      }
      driver.write(segment, memory, 0);
    }
    return memory;
  }

  private static float[] content(
      CudaDriver driver, Precision precision, Memory memory, int elements) {
    float[] content = new float[elements];
    try (Pinned pinned = driver.pinned(memory.bytes())) {
      driver.read(memory, 0, pinned.segment());
      for (int i = 0; i < elements; i++) {
        content[i] =
            precision == Precision.F16
                ? Float.float16ToFloat(pinned.segment().getAtIndex(ValueLayout.JAVA_SHORT, i))
                : pinned.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
    }
    return content;
  }
}
