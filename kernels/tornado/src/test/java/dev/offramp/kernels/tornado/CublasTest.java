package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver.Captured;
import dev.offramp.kernels.gpu.Driver.Memory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.math3.special.Erf;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;

/** With a stand-in for cuBLAS that computes on the host; all the rest runs on the device. */
class CublasTest {
  private static final int INPUTS = 24;
  private static final int OUTPUTS = 40;

  /** Of a capture: more than a graph has room for. */
  private static final int PRODUCTS = 24;

  private final Map<Long, Memory> memories = new HashMap<>();
  private final List<Integer> dispatched = new ArrayList<>(); // rows of each
  private DriverRig rig;
  private TornadoDriver driver;
  private Memory weight;
  private Memory bias;
  private float[] weights;
  private float[] biases;

  @BeforeEach
  void open() {
    rig = new DriverRig();
    driver = rig.driver;
    weights = rig.numbers(OUTPUTS * INPUTS);
    biases = rig.numbers(OUTPUTS);
    weight = memory(weights);
    bias = memory(biases);
    TestCublas.prepared = task -> {};
    TestCublas.dispatched = this::sgemm;
  }

  @AfterEach
  void close() {
    TestCublas.prepared = null;
    TestCublas.dispatched = null;
    rig.close();
  }

  @Test
  void whereTornadoHasNoCublasForTheDeviceThereIsNone() {
    TestCublas.prepared = null;
    assertThat(driver.denseProduct()).isNull();
  }

  @Test
  void everyEpilogueWithAResidualOfItsOwnOrInPlace() {
    DenseProduct product = driver.denseProduct();
    for (Epilogue epilogue : Epilogue.values()) {
      for (int rows : new int[] {1, 7, 33}) {
        for (boolean inPlace : new boolean[] {false, true}) {
          float[] in = rig.numbers(rows * INPUTS);
          float[] residual = rig.numbers(rows * OUTPUTS);
          float[] before = rig.numbers(rows * OUTPUTS); // must make no difference
          Memory out = memory(inPlace ? residual : before);
          Memory added = inPlace ? out : memory(residual);
          product.run(
              rows,
              INPUTS,
              OUTPUTS,
              weight,
              bias,
              memory(in),
              epilogue,
              epilogue.addsResidual() ? added : null,
              out);
          check(
              expected(rows, in, epilogue, residual),
              out,
              2e-5f,
              epilogue + " of " + rows + " rows");
        }
      }
    }
  }

  /** The third product needs the second's result, and so on: order counts. */
  @Test
  void aCaptureKeepsTheOrderAndReadsAnew() {
    DenseProduct product = driver.denseProduct();
    int rows = 9;
    weights = rig.numbers(INPUTS * INPUTS);
    Memory square = memory(weights);
    Memory a = memory(new float[rows * INPUTS]);
    Memory b = memory(new float[rows * INPUTS]);
    driver.beginCapture();
    for (int i = 0; i < PRODUCTS; i++) {
      Memory from = i % 2 == 0 ? a : b;
      Memory to = i % 2 == 0 ? b : a;
      product.run(rows, INPUTS, INPUTS, square, bias, from, Epilogue.BIAS, null, to);
    }
    assertThat(dispatched).isEmpty();
    try (Captured captured = driver.endCapture()) {
      for (int launch = 0; launch < 3; launch++) {
        float[] in = rig.numbers(rows * INPUTS);
        rig.put(a, in);
        weights = rig.numbers(INPUTS * INPUTS);
        for (int i = 0; i < weights.length; i++) {
          // Numbers change places, so that every step can be seen in the end.
          weights[i] = weights[i] / 64 + (i % INPUTS == (i / INPUTS + 1) % INPUTS ? 1 : 0);
        }
        rig.put(square, weights);
        captured.launch();
        float[] expected = in;
        for (int i = 0; i < PRODUCTS; i++) {
          expected = expected(rows, expected, Epilogue.BIAS, null, INPUTS);
        }
        check(expected, a, 1e-4f, "launch " + launch);
        assertThat(dispatched).hasSize(PRODUCTS * (launch + 1)).containsOnly(rows);
      }
    }
  }

  /** More sizes than graphs are kept for, the first once more, and a size with other memory. */
  @Test
  void sizesComeAndGo() {
    DenseProduct product = driver.denseProduct();
    for (int call = 0; call <= 70; call++) {
      int rows = 1 + call % 70;
      for (int again = 0; again < (rows == 1 ? 2 : 1); again++) {
        float[] in = rig.numbers(rows * INPUTS);
        Memory out = memory(new float[rows * OUTPUTS]);
        product.run(rows, INPUTS, OUTPUTS, weight, bias, memory(in), Epilogue.BIAS, null, out);
        check(expected(rows, in, Epilogue.BIAS, null), out, 2e-5f, rows + " rows");
      }
    }
  }

  /** The library task: its pointers are those of TornadoVM's memory behind a header. */
  private void sgemm(LibraryInvocation call) {
    Memory[] operands = new Memory[3];
    for (int i = 0; i < 3; i++) {
      int place = new int[] {6, 8, 11}[i];
      operands[i] = memories.get(call.getDevicePointer(place) - TornadoNativeArray.ARRAY_HEADER);
    }
    float[] c = rig.get(operands[2]);
    TestCublas.sgemm(
        (int) call.getArg(0),
        (int) call.getArg(1),
        (int) call.getArg(2),
        (int) call.getArg(3),
        (int) call.getArg(4),
        (float) call.getArg(5),
        rig.get(operands[0]),
        (int) call.getArg(7),
        rig.get(operands[1]),
        (int) call.getArg(9),
        (float) call.getArg(10),
        c,
        (int) call.getArg(12));
    rig.put(operands[2], c);
    dispatched.add((int) call.getArg(3));
  }

  private float[] expected(int rows, float[] in, Epilogue epilogue, float[] residual) {
    return expected(rows, in, epilogue, residual, OUTPUTS);
  }

  private float[] expected(int rows, float[] in, Epilogue epilogue, float[] residual, int outputs) {
    float[] expected = new float[rows * outputs];
    for (int at = 0; at < expected.length; at++) {
      int row = at / outputs;
      int output = at % outputs;
      double v = biases[output];
      for (int input = 0; input < INPUTS; input++) {
        v += (double) in[row * INPUTS + input] * weights[output * INPUTS + input];
      }
      expected[at] =
          (float)
              switch (epilogue) {
                case BIAS -> v;
                case BIAS_GELU -> 0.5 * v * (1 + Erf.erf(v / Math.sqrt(2)));
                case BIAS_RELU -> Math.max(0, v);
                case BIAS_RESIDUAL -> v + residual[at];
                case BIAS_RESIDUAL_RELU -> Math.max(0, v + residual[at]);
              };
    }
    return expected;
  }

  private void check(float[] expected, Memory out, float tolerance, String what) {
    float[] values = rig.get(out);
    for (int at = 0; at < expected.length; at++) {
      assertThat(values[at]).as("%s at %d", what, at).isCloseTo(expected[at], within(tolerance));
    }
  }

  private Memory memory(float[] content) {
    Memory memory = rig.memory(content);
    memories.put(rig.handle(memory), memory);
    return memory;
  }
}
