package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.OpenClHere;
import dev.offramp.runtime.TinyModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeviceAgreementTest {
  private static final int SAMPLES = 300;
  private static final int BATCH = 37;
  private static final double[][] THRESHOLDS = {
    {0.5, 0.5}, {0.9, 0.4}, {1, 0.7}, {0.6, 1}, {0, 1}, {1, 1}
  };

  @TempDir private Path folder;
  private ModelDirectory model;
  private Device jvm;

  @BeforeEach
  void open() {
    model = ModelDirectory.open(TinyModel.write(folder.resolve("model"), 31, 1, 2, 4));
    jvm = Devices.open("jvm", new DeviceOptions(2));
  }

  @AfterEach
  void close() {
    jvm.close();
    model.close();
  }

  @Test
  void openClExitsAsTheJvmDoes() {
    List<int[]> samples = TinyModel.tokens(32, SAMPLES);
    try (Device openCl = OpenClHere.open()) {
      try (BatchRunner onJvm = runner(model, jvm);
          BatchRunner onOpenCl = runner(model, openCl)) {
        int early = 0;
        for (double[] thresholds : THRESHOLDS) {
          DeviceAgreement found = DeviceAgreement.of(onJvm, onOpenCl, samples, thresholds, BATCH);
          assertThat(found.faults()).isEmpty();
          assertThat(found.banded()).as("samples that were not compared").isLessThan(3);
          early += found.early();
        }
        assertThat(early).as("the test is void if nobody exits early").isGreaterThan(SAMPLES);
      }
      assertThat(openCl.liveBytes()).isZero();
    }
  }

  @Test
  void anotherModelDoesNotAgree() {
    List<int[]> samples = TinyModel.tokens(32, SAMPLES);
    try (ModelDirectory other =
            ModelDirectory.open(TinyModel.write(folder.resolve("other"), 33, 1, 2, 4));
        BatchRunner one = runner(model, jvm);
        BatchRunner two = runner(other, jvm)) {
      assertThat(DeviceAgreement.of(one, one, samples, THRESHOLDS[0], BATCH).faults()).isEmpty();
      assertThat(DeviceAgreement.of(one, two, samples, THRESHOLDS[0], BATCH).faults())
          .anyMatch(fault -> fault.contains("exit 2: class"))
          .anyMatch(fault -> fault.contains(": Outcome[") && fault.contains(", not Outcome["));
    }
  }

  private static BatchRunner runner(ModelDirectory model, Device device) {
    return BatchRunner.open(model, device, BATCH, TinyModel.MAX_TOKENS);
  }
}
