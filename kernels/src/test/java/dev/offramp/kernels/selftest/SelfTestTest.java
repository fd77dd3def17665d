package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.selftest.SelfTest.Result;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A sound device passes; one with a single operation gone wrong does not. */
class SelfTestTest {
  private static final long SEED = Long.getLong("offramp.seed", System.nanoTime());

  private Device jvm;

  @BeforeEach
  void open() {
    System.out.println("SelfTestTest: offramp.seed=" + SEED);
    jvm = Devices.open("jvm", new DeviceOptions(2));
  }

  @AfterEach
  void close() {
    assertThat(jvm.liveBytes()).isZero();
    jvm.close();
  }

  @Test
  void theJvmDeviceIsComparedWithSomethingElse() {
    List<Result> told = new ArrayList<>();
    List<Result> results = SelfTest.run(jvm, SEED, told::add);
    assertThat(results).hasSize(SelfTest.size()).isEqualTo(told);
    assertThat(results)
        .allSatisfy(result -> {
          assertThat(result.message()).as(result.toString()).isEmpty();
          assertThat(result.passed()).isTrue();
        });
    assertThat(results)
        .as("sums in floats are not those in doubles")
        .filteredOn(result -> result.operation().matches("gemm.*|convolve.*|attention|exitHead"))
        .filteredOn(result -> result.error() > 0)
        .hasSizeGreaterThan(100);
    assertThat(results.stream().map(Result::operation).distinct())
        .containsExactly(
            "copyIn",
            "copyOut",
            "gemm BIAS",
            "gemm BIAS_GELU",
            "gemm BIAS_RELU",
            "gemm BIAS_RESIDUAL",
            "gemm BIAS_RESIDUAL_RELU",
            "gemm by each kernel",
            "convolve by each kernel",
            "layerNorm",
            "embed",
            "attention",
            "convolve BIAS",
            "convolve BIAS_GELU",
            "convolve BIAS_RELU",
            "convolve BIAS_RESIDUAL",
            "convolve BIAS_RESIDUAL_RELU",
            "pixels",
            "maxPool",
            "gridPool",
            "shortcut",
            "pool",
            "exitHead",
            "compact",
            "recording",
            "independence");
  }

  @Test
  void aSeedRepeatsTheNumbers() {
    Case one = LayerCases.all().getFirst();
    Device off = ValueFaults.altered("layerNorm", 1e-3f).apply(jvm);
    assertThat(one.run(off, 5)).isEqualTo(one.run(off, 5));
    assertThat(one.run(off, 5)).isNotEqualTo(one.run(off, 6));
  }

  /** Rounding as graphics cards do it is within the tolerances, and they are not ten times that. */
  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"TF32", "F16"})
  void roundingPasses(Precision precision) {
    try (Device device = new RoundingDevice(jvm, precision)) {
      // The stand-in keeps halves as floats, which does not bring every NaN back.
      List<Result> results =
          SelfTest.CASES.stream()
              .filter(one -> !one.operation().startsWith("copy"))
              .filter(DeviceSelfTest::small)
              .map(one -> one.run(device, SEED))
              .toList();
      assertThat(results).filteredOn(result -> !result.passed()).isEmpty();
      for (Tolerance tolerance : Tolerance.values()) {
        double allowed = tolerance.of(precision);
        double worst =
            results.stream()
                .filter(result -> result.tolerance() == allowed)
                .mapToDouble(Result::error)
                .max()
                .orElse(0);
        System.out.printf("%s, tolerance %.2e: worst %.2e%n", precision, allowed, worst);
        if (allowed > Tolerance.F32.of(precision)) {
          assertThat(worst).isGreaterThan(allowed / 10);
        }
      }
    }
  }

  /** In F16 too a head's weights are F32. */
  @Test
  void headsInHalfPrecisionAreFound() {
    Device wrong =
        new AlteredDevice(jvm) {
          @Override
          public Linear linear(
              int in, int out, MemorySegment weight, DataType type, MemorySegment bias) {
            float[] halves = weight.toArray(ValueLayout.JAVA_FLOAT);
            for (int i = 0; i < halves.length; i++) {
              halves[i] = Float.float16ToFloat(Float.floatToFloat16(halves[i]));
            }
            return device.linear(in, out, MemorySegment.ofArray(halves), type, bias);
          }
        };
    assertThat(ExitCases.all())
        .filteredOn(one -> one.operation().equals("exitHead") && one.shape().contains("384"))
        .isNotEmpty()
        .noneMatch(one -> one.run(wrong, SEED).passed());
  }

  @ParameterizedTest
  @MethodSource("dev.offramp.kernels.selftest.Faults#all")
  void whatIsWrongIsFound(Faults.Fault fault) {
    Device wrong = fault.device().apply(jvm);
    Optional<Result> found =
        SelfTest.CASES.stream()
            .filter(one -> one.operation().equals(fault.operation()))
            .map(one -> one.run(wrong, SEED))
            .filter(result -> !result.passed())
            .findFirst();
    assertThat(found).isPresent();
    assertThat(found.get().message()).isNotBlank();
    wrong.close();
  }
}
