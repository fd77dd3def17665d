package dev.offramp.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Precision;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which kernel a product takes, how that is found out and where it is kept. */
class GemmChoiceTest {
  private static final int INPUTS = 16;
  private static final int OUTPUTS = 24;

  @TempDir Path folder;

  /** A device with one product, whose kernels all take long but the given one. */
  private static final class Product implements AutoCloseable {
    final FakeDriver driver;
    final GpuRig rig;
    final LiveRows rows;
    final Linear map;
    final Buffer in;
    final Buffer out;

    Product(Path cache, String fastest) {
      this(new FakeDriver(), cache, fastest);
    }

    Product(FakeDriver driver, Path cache, String fastest) {
      this.driver = driver;
      rig = new GpuRig(driver, cache);
      driver.kernels =
          launch -> {
            if (launch.kernel().startsWith("gemm") && !launch.kernel().equals(fastest)) {
              LockSupport.parkNanos(1_000_000);
            }
          };
      rows = rig.device.liveRows(64, 4);
      map = rig.linear(INPUTS, OUTPUTS);
      in = rig.activations(64 * 4 * INPUTS);
      out = rig.activations(64 * 4 * OUTPUTS);
    }

    /** Names of what a product of that many rows of three positions launches. */
    List<String> run(int count) {
      GpuRig.load(rows, count, 3, 4);
      return rig.launched(() -> rig.device.gemm(rows, map, in, Epilogue.BIAS, null, out)).stream()
          .map(FakeDriver.Launch::kernel)
          .toList();
    }

    @Override
    public void close() {
      rig.device.close();
      assertThat(driver.memories).isEmpty();
      assertThat(driver.marksAtClose).isZero();
    }
  }

  private static List<String> kernels() {
    return GemmKernel.of(FakeDriver.ACCELERATOR, Precision.F32, INPUTS).stream()
        .map(GemmKernel::name)
        .toList();
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  @Test
  void theFastestIsTakenAndMeasuredOnce() {
    assertThat(kernels()).as("a premise").hasSizeGreaterThan(1);
    for (String fastest : kernels()) {
      try (Product product = new Product(null, fastest)) {
        int open = product.driver.memories.size();
        assertThat(product.run(10)).containsAll(kernels()).endsWith(fastest);
        assertThat(product.driver.memories.size()).as("after measuring").isEqualTo(open);
        assertThat(product.run(10)).containsExactly(fastest);
      }
    }
  }

  @Test
  void anotherDeviceReadsWhatWasMeasured() throws IOException {
    Path cache = folder.resolve("not/there/yet");
    for (String fastest : kernels()) {
      try (Product product = new Product(cache, fastest)) {
        product.run(10);
        product.run(40);
      }
      assertThat(files()).as("one file, nothing temporary").hasSize(1);
      for (String other : kernels()) {
        try (Product product = new Product(cache, other)) {
          assertThat(product.run(10)).containsExactly(fastest);
          assertThat(product.run(40)).containsExactly(fastest);
        }
      }
      Files.delete(files().getFirst());
    }
  }

  @Test
  void anotherPrecisionOrDeviceMeasuresForItself() throws IOException {
    String fastest = kernels().getLast();
    try (Product product = new Product(folder, fastest)) {
      product.run(10);
    }
    try (Product product = new Product(GpuRig.driver(Precision.F16), folder, fastest)) {
      assertThat(product.run(10)).hasSizeGreaterThan(1).endsWith(fastest);
    }
    Traits other = new Traits(Traits.Dialect.OPENCL, false, 1024, 64 << 10, 0);
    try (Product product = new Product(new FakeDriver(other, Precision.F32), folder, fastest)) {
      assertThat(product.run(10)).hasSizeGreaterThan(1).endsWith(fastest);
    }
    assertThat(files()).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\\u12", "\u00ff\u00fe\u0000", "VALUES", "no properties at all {"})
  void aFileThatIsNoUseIsMeasuredAnewAndMended(String text) throws IOException {
    String fastest = kernels().getLast();
    try (Product product = new Product(folder, fastest)) {
      product.run(10);
    }
    Path file = files().getFirst();
    String kept = Files.readString(file);
    assertThat(kept).contains(fastest);
    Files.write(
        file,
        text.equals("VALUES")
            ? kept.replace(fastest, "gemm_of_another_time").getBytes(StandardCharsets.UTF_8)
            : text.getBytes(StandardCharsets.ISO_8859_1));

    try (Product product = new Product(folder, fastest)) {
      assertThat(product.run(10)).hasSizeGreaterThan(1).endsWith(fastest);
    }
    try (Product product = new Product(folder, null)) {
      assertThat(product.run(10)).containsExactly(fastest);
    }
    assertThat(files()).hasSize(1);
  }

  @Test
  void aFolderThatCannotBeWrittenIsNoFailure() throws IOException {
    Path blocked = Files.writeString(folder.resolve("file"), "not a folder");
    String fastest = kernels().getFirst();
    for (Path cache : List.of(blocked, blocked.resolve("deeper"))) {
      for (int i = 0; i < 2; i++) {
        try (Product product = new Product(cache, fastest)) {
          assertThat(product.run(10)).hasSizeGreaterThan(1).endsWith(fastest);
          assertThat(product.run(10)).containsExactly(fastest);
        }
      }
    }
    assertThat(blocked).hasContent("not a folder");
  }

  @Test
  void nothingTemporaryIsLeftWhereTheFileCannotBeReplaced() throws IOException {
    try (Product product = new Product(folder, null)) {
      product.run(10);
    }
    Path file = files().getFirst();
    Files.delete(file);
    Path inTheWay = Files.writeString(Files.createDirectory(file).resolve("other"), "kept");
    try (Product product = new Product(folder, null)) {
      product.run(10);
    }
    assertThat(files()).containsExactly(inTheWay);
  }

  /** Whatever fails while measuring, nothing stays open and a product can still be had. */
  @ParameterizedTest
  @ValueSource(strings = {"allocate", "zero", "launch", "mark", "await"})
  void aMeasurementThatFailsLeavesNothing(String call) {
    String fastest = kernels().getLast();
    try (Product product = new Product(null, fastest)) {
      GpuRig.load(product.rows, 10, 3, 4);
      int open = product.driver.memories.size();
      long bytes = product.rig.device.liveBytes();
      for (int n = 1; n <= 3; n++) {
        product.driver.failAt(call, n);
        try {
          product.rig.device.gemm(
              product.rows, product.map, product.in, Epilogue.BIAS, null, product.out);
        } catch (DeviceException e) {
          assertThat(e).hasMessageContaining(call + " failed: FAKE (7)");
        }
        product.driver.failed();
        assertThat(product.driver.memories.size()).isEqualTo(open);
        assertThat(product.rig.device.liveBytes()).isEqualTo(bytes);
        assertThat(product.driver.marks).isEmpty();
      }
      assertThat(product.run(10)).hasSize(1);
    }
  }

  /** The vendor's library, asked for rows one after the other only, with the true count. */
  @Test
  void theLibraryIsTakenWhereItIsFastestAndMayBe() {
    record Call(int rows, int inputs, int outputs, Epilogue epilogue, boolean residual) {}
    List<Call> calls = new ArrayList<>();
    FakeDriver driver = new FakeDriver();
    driver.denseProduct =
        (rows, inputs, outputs, weight, bias, in, epilogue, residual, out) ->
            calls.add(new Call(rows, inputs, outputs, epilogue, residual != null));
    System.setProperty("offramp.cuda.products", "library");
    try (Product product = new Product(driver, null, null)) {
      GpuRig.load(product.rows, 37, 4, 4);
      for (Epilogue epilogue : Epilogue.values()) {
        Buffer residual = epilogue.addsResidual() ? product.out : null;
        Runnable gemm =
            () ->
                product.rig.device.gemm(
                    product.rows, product.map, product.in, epilogue, residual, product.out);
        gemm.run(); // measures
        calls.clear();
        List<FakeDriver.Launch> launches = product.rig.launched(gemm);
        if (epilogue == Epilogue.BIAS_GELU) {
          assertThat(calls).isEmpty();
          assertThat(launches).hasSize(1);
        } else {
          assertThat(launches).isEmpty();
          assertThat(calls)
              .containsExactly(new Call(37 * 4, INPUTS, OUTPUTS, epilogue, residual != null));
        }
      }
      product.run(37); // not dense: one position of each row is not valid
      calls.clear();
      assertThat(product.run(37)).hasSize(1);
      assertThat(calls).isEmpty();

      Linear odd = product.rig.linear(INPUTS, 9);
      GpuRig.load(product.rows, 37, 4, 4);
      product.rig.device.gemm(product.rows, odd, product.in, Epilogue.BIAS, null, product.out);
      assertThat(calls).as("lines that are not aligned").isEmpty();
    } finally {
      System.clearProperty("offramp.cuda.products");
    }
  }

  /** Groups along y are counted by 16 bits on cards: what their largest tile takes is the end. */
  @Test
  void cardsTakeAsManyPositionsAsTheirLargestTileCovers() {
    assertThat(grid(FakeDriver.ACCELERATOR, 4097, 1024, 1024)).isEqualTo(down(4097 * 1024, 128));
    assertThat(grid(FakeDriver.ACCELERATOR, 2049, 1024, 1024)).isEqualTo(down(2049 * 1024, 128));
    // Not dense: counts are rounded up, but not beyond what there is room for.
    assertThat(grid(FakeDriver.ACCELERATOR, 16_383, 512, 511)).isEqualTo(65_532);
    assertThatThrownBy(() -> grid(FakeDriver.ACCELERATOR, 16_384, 512, 512))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "fake:0: a product of up to 8,388,608 positions is more than the device's 8,388,480;"
                + " use a smaller batch");
  }

  /** Counts at which a power of two above them would not do for the smallest tile. */
  @Test
  void aTileThatTakesEveryCountOfTheBucketIsTaken() {
    assertThat(grid(FakeDriver.ACCELERATOR, 1025, 1024, 1024)).isEqualTo(down(1025 * 1024, 64));
  }

  @Test
  void processorsTakeAnyNumberOfPositions() {
    assertThat(grid(FakeDriver.PROCESSOR, 8192, 128, 128)).isEqualTo(down(8192 * 128, 4));
    assertThat(grid(FakeDriver.PROCESSOR, 4097, 128, 128)).isEqualTo(down(4097 * 128, 4));
  }

  private static int down(int positions, int each) {
    return Math.ceilDiv(positions, each);
  }

  /** Groups along positions of a product of so many rows, where the smallest tile is fastest. */
  private static int grid(Traits traits, int rows, int positions, int length) {
    FakeDriver driver = new FakeDriver(traits, Precision.F32);
    GpuRig rig = new GpuRig(driver, null);
    List<String> kernels =
        GemmKernel.of(traits, Precision.F32, 1).stream().map(GemmKernel::name).toList();
    driver.kernels =
        launch ->
            LockSupport.parkNanos(Math.max(0, 2 - kernels.indexOf(launch.kernel())) * 20_000_000L);
    try {
      LiveRows live = rig.device.liveRows(rows, positions);
      Linear map = rig.linear(1, 1);
      Buffer in = rig.activations(rows * positions);
      Buffer out = rig.activations(rows * positions);
      GpuRig.load(live, rows, length, positions);
      List<FakeDriver.Launch> launches =
          rig.launched(() -> rig.device.gemm(live, map, in, Epilogue.BIAS, null, out));
      return launches.getLast().grid().groupsY();
    } finally {
      rig.device.close();
    }
  }
}
