package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.selftest.SelfTest.Result;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.NoGuaranteeException;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which device a certificate holds for, precisions, and the self-test. */
class DeviceCliTest {
  @TempDir private Path folder;
  private Path model;
  private Path texts;
  private Path certificate;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 11, 1, 2, 4);
    texts = folder.resolve("texts.txt");
    Files.write(texts, TinyModel.sentences(12, 400));
    certificate = model.resolve("certificate.json");
    calibrate(0.6);
  }

  private void calibrate(double epsilon) {
    Outcome outcome =
        offramp("calibrate", "--model", model, "--data", texts, "--epsilon", epsilon, "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.json().get("fallback").getAsBoolean()).isEqualTo(epsilon < 0.1);
  }

  private JsonObject certificate() throws IOException {
    return JsonParser.parseString(Files.readString(certificate)).getAsJsonObject();
  }

  private void edit(Consumer<JsonObject> change) throws IOException {
    JsonObject json = certificate();
    change.accept(json);
    Files.writeString(certificate, json.toString());
  }

  private Object[] run() {
    return new Object[] {"run", "--model", model, "--input", texts, "--json"};
  }

  private Object[] bench() {
    return new Object[] {
      "bench", "--model", model, "--input", texts, "--batch", 4, "--rounds", 1, "--json"
    };
  }

  private static Object[] allowing(Object[] command) {
    Object[] more = Arrays.copyOf(command, command.length + 1);
    more[command.length] = "--allow-other-device";
    return more;
  }

  @Test
  void certificatesNameDeviceAndPrecision() throws IOException {
    JsonObject json = certificate();
    assertThat(json.get("device").getAsString()).isEqualTo("jvm");
    assertThat(json.get("dtype").getAsString()).isEqualTo("F32");
    assertThat(json.get("deviceDescription").getAsString()).isNotBlank();
    Outcome outcome = offramp(run());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).doesNotContain("exits may differ");
    assertThat(outcome.json().get("device").getAsString()).isEqualTo("jvm");
    assertThat(outcome.json().get("precision").getAsString()).isEqualTo("F32");
  }

  @Test
  void anotherKindOfDeviceIsRefusedUnlessAllowed() throws IOException {
    edit(json -> {
      json.addProperty("device", "cuda:0");
      json.addProperty("deviceDescription", "a graphics card");
    });
    for (Object[] command : List.of(run(), bench())) {
      refuses(3, "calibrated on cuda:0 in F32 (a graphics card), this is jvm in F32", command);
      refuses(3, "calibrate again on this device, or pass --allow-other-device", command);
      Outcome allowed = offramp(allowing(command));
      assertThat(allowed.code()).as(allowed.err()).isZero();
      assertThat(allowed.err())
          .contains("cuda:0", "exits may differ", "tolerance of the threshold");
    }
    assertThat(offramp(allowing(run())).json().get("meanDepth").getAsDouble()).isLessThan(4);
    assertThat(offramp("run", "--model", model, "--input", texts, "--full-depth").code()).isZero();
    assertThat(offramp("run", "--model", model, "--input", texts, "--lambda", 0.5).code()).isZero();
  }

  /** A description comes from a driver, or from whoever wrote the file. */
  @Test
  void descriptionsStayOneLine() throws IOException {
    edit(json -> {
      json.addProperty("device", "cuda:0");
      json.addProperty("deviceDescription", "\u001b[2Jx\nofframp: fine" + "y".repeat(200_000));
    });
    Outcome outcome = offramp(run());
    assertThat(outcome.code()).isEqualTo(3);
    assertThat(outcome.err()).contains("(?[2Jx?offramp: fineyyy").hasLineCount(1);
    assertThat(outcome.err()).hasSizeLessThan(1_000);
  }

  @Test
  void anotherPrecisionIsRefusedUnlessAllowed() throws IOException {
    edit(json -> json.addProperty("dtype", "F16"));
    refuses(3, "calibrated on jvm in F16", run());
    Outcome allowed = offramp(allowing(run()));
    assertThat(allowed.code()).isZero();
    assertThat(allowed.err()).contains("jvm in F16", "exits may differ");
  }

  @Test
  void certificatesOfOlderVersionsStillHold() throws IOException {
    edit(json -> json.remove("deviceDescription"));
    Outcome outcome = offramp(run());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).doesNotContain("exits may differ");
  }

  /** The processor's description changes with the JVM's flags. */
  @Test
  void anotherProcessorIsNoOtherDevice() throws IOException {
    edit(json -> json.addProperty("deviceDescription", "another processor"));
    Outcome outcome = offramp(run());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).doesNotContain("exits may differ");
  }

  /** Where nothing leaves early, the device does not matter. */
  @Test
  void neverExitHoldsOnEveryDevice() throws IOException {
    Files.delete(certificate);
    calibrate(0.001);
    edit(json -> json.addProperty("device", "cuda:0"));
    Outcome outcome = offramp(run());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.json().get("meanDepth").getAsDouble()).isEqualTo(4);
  }

  /**
   * Numbers follow the order of plugging in: of one kind, what the device says of itself counts.
   */
  @Test
  void numberedDevicesAreToldApartByTheirDescription() throws IOException {
    edit(json -> {
      json.addProperty("device", "opencl:0");
      json.addProperty("deviceDescription", "card A");
    });
    assertThat(resolves("opencl:0", "card A", Precision.F32)).isEqualTo("runs");
    assertThat(resolves("opencl:1", "card A", Precision.F32)).isEqualTo("runs");
    assertThat(resolves("opencl:0", "card B", Precision.F32)).isEqualTo("runs, says so");
    assertThat(resolves("opencl:1", "card B", Precision.F32)).isEqualTo("refused");
    assertThat(resolves("cuda:0", "card A", Precision.F32)).isEqualTo("refused");
    assertThat(resolves("jvm", "card A", Precision.F32)).isEqualTo("refused");
    assertThat(resolves("opencl:0", "card A", Precision.F16)).isEqualTo("refused");
    assertThat(resolves("opencl:0", "card A", Precision.TF32)).isEqualTo("refused");
    edit(json -> json.remove("deviceDescription"));
    assertThat(resolves("opencl:0", "card A", Precision.F32)).isEqualTo("runs, says so");
    assertThat(resolves("opencl:1", "card A", Precision.F32)).isEqualTo("refused");
  }

  private String resolves(String id, String description, Precision precision) {
    PrintStream err = System.err;
    var said = new ByteArrayOutputStream();
    try (ModelDirectory directory = ModelDirectory.open(model)) {
      System.setErr(new PrintStream(said, true));
      new Guard().resolve(directory, new DeviceInfo(id, description, 1, 1, precision, ""));
      return said.toString().contains("exits may differ") ? "runs, says so" : "runs";
    } catch (NoGuaranteeException e) {
      return "refused";
    } finally {
      System.setErr(err);
    }
  }

  @Test
  void precisionsAreChecked() {
    refuses(
        2, "computes in F32 only", "run", "--model", model, "--input", texts, "--precision", "f16");
    refuses(2, "--precision", "run", "--model", model, "--input", texts, "--precision", "int8");
    assertThat(offramp("run", "--model", model, "--input", texts, "--precision", "f32").code())
        .isZero();
    for (String command : List.of("run", "bench", "calibrate", "attach", "demo", "doctor")) {
      assertThat(offramp(command, "--help").out())
          .as(command)
          .contains("--precision", "opencl:N, cuda:N, tornado:N", "--device");
    }
  }

  @Test
  void theSelfTestPrintsALineForEachOperation() {
    Outcome outcome = offramp("doctor", "--self-test", "--seed", 7, "--threads", 2);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out()).contains("jvm in F32", "seed 7");
    for (String operation : List.of("copyIn", "gemm BIAS_GELU", "attention", "recording")) {
      assertThat(outcome.out()).containsPattern(operation + " +\\d+ +\\d\\.\\de\\S+ +\\S+ +ok\n");
    }
    assertThat(outcome.out()).doesNotContain("FAILED");
    assertThat(outcome.err()).contains("self-test");
    refuses(2, "add --self-test", "doctor", "--device", "jvm");
    refuses(2, "add --self-test", "doctor", "--seed", 1);
    refuses(2, "device 'tpu'", "doctor", "--self-test", "--device", "tpu");
    refuses(2, "TORNADOVM_HOME", "doctor", "--self-test", "--device", "tornado:0");
  }

  private static SelfTestReport report(Result... results) {
    return new SelfTestReport(
        new DeviceInfo("cuda:0", "a card", 1, 1, Precision.F16, ""), 42, List.of(results));
  }

  @Test
  void theSelfTestAsJson() {
    SelfTestReport report =
        report(
            new Result("pool", "width 7", 1e-6, 2e-5, true, ""),
            new Result("embed", "width 1", 1e-7, 2e-6, true, ""),
            new Result("pool", "width 9", 3e-6, 2e-5, true, ""));
    assertThat(DoctorCommand.tell(report, true)).isZero();
    JsonObject json = report.json();
    assertThat(json.get("passed").getAsBoolean()).isTrue();
    assertThat(json.get("device").getAsString()).isEqualTo("cuda:0");
    assertThat(json.get("seed").getAsLong()).isEqualTo(42);
    JsonArray operations = json.getAsJsonArray("operations");
    assertThat(operations).hasSize(2);
    JsonObject pool = operations.get(0).getAsJsonObject();
    assertThat(pool.get("operation").getAsString()).isEqualTo("pool");
    assertThat(pool.get("cases").getAsInt()).isEqualTo(2);
    assertThat(pool.get("worstError").getAsDouble()).isEqualTo(3e-6);
    assertThat(pool.get("tolerance").getAsDouble()).isEqualTo(2e-5);
    assertThat(json.getAsJsonArray("cases")).hasSize(3);
  }

  @Test
  void aFailedCaseIsNamed() {
    SelfTestReport report =
        report(
            new Result("pool", "width 7", 1e-6, 2e-5, true, ""),
            new Result("pool", "width 9", 0.5, 2e-5, false, "out[3] is 1.0"),
            new Result("embed", "width 1", Double.POSITIVE_INFINITY, 0, false, "NaN"));
    assertThat(report.passed()).isFalse();
    assertThat(DoctorCommand.tell(report, false)).isEqualTo(1);
    assertThat(DoctorCommand.tell(report, true)).isEqualTo(1);
    assertThat(report.failures())
        .containsExactly(
            "FAILED pool, width 9: out[3] is 1.0; repeat with --seed 42",
            "FAILED embed, width 1: NaN; repeat with --seed 42");
    assertThat(report.table()).containsPattern("pool +2 +5\\.0e-01 +2\\.0e-05 +FAILED");
    assertThat(report.json().getAsJsonArray("cases").get(2).getAsJsonObject().get("error"))
        .matches(error -> error.isJsonNull());
    assertThat(report.json().get("passed").getAsBoolean()).isFalse();
  }

  @Test
  void theTableOfASelfTestHasStraightColumns() {
    SelfTestReport report =
        report(
            new Result("convolve BIAS_RESIDUAL_RELU", "", 0, 2e-5, true, ""),
            new Result("pool", "", 0, 2e-5, true, ""));
    assertThat(report.table().lines().filter(line -> line.endsWith("ok")).map(String::length))
        .hasSize(2)
        .containsOnly("convolve BIAS_RESIDUAL_RELU      1      0.0e+00    2.0e-05  ok".length());
  }
}
