package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.google.gson.JsonObject;
import dev.offramp.runtime.OpenClHere;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line with an OpenCL device. */
class OpenClCliTest {
  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    OpenClHere.open().close();
    TinyModel.write(folder.resolve("model"), 11, 1, 2, 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(12, 400));
  }

  /** What a line typed in the test's folder does. */
  private Outcome offramp(String line) {
    return Offramp.offramp(words(folder, line));
  }

  private void refuses(int code, String part, String line) {
    Offramp.refuses(code, part, words(folder, line));
  }

  @Test
  void benchAgainstTheJvmDevice() {
    Outcome outcome =
        offramp(
            "bench --model ./model --input ./texts.txt --device opencl:0 --against jvm --batch 8"
                + " --modes full-depth,early-exit --rounds 1 --json --lambda 0.4");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    List<JsonObject> cases = outcome.cases();
    assertThat(cases)
        .extracting(line -> line.get("mode").getAsString())
        .containsExactly("full-depth", "early-exit", "jvm", "jvm-early-exit");
    assertThat(cases.get(0).get("shareOfPeak").getAsDouble()).isPositive();
    assertThat(cases.get(1).get("shareOfPeak").getAsDouble()).isPositive();
    for (JsonObject other : cases.subList(2, 4)) {
      assertThat(other.get("gflops").getAsDouble()).isPositive();
      assertThat(other.get("shareOfPeak").isJsonNull()).as("that peak is of opencl:0").isTrue();
    }
    assertThat(cases.get(2).get("meanDepth").getAsDouble()).isEqualTo(4);
    assertThat(cases.get(2).get("schedulerEfficiency").isJsonNull()).isTrue();
    assertThat(cases.get(3).get("meanDepth").getAsDouble()).isBetween(1.0, 3.9);
    // With one round the ratio of the medians is that of the rates.
    double efficiency = cases.get(3).get("schedulerEfficiency").getAsDouble();
    double saved = rate(cases.get(3)) / rate(cases.get(2)) / efficiency;
    assertThat(saved).as("full depth's operations over early exit's").isBetween(1.0, 4.1);
    assertThat(
            outcome
                .json()
                .getAsJsonObject("ratios")
                .getAsJsonObject("batch 8")
                .get("full-depth/jvm")
                .getAsDouble())
        .isCloseTo(rate(cases.get(0)) / rate(cases.get(2)), withinPercentage(1e-3));
  }

  @Test
  void theTableHasNoShareOfThePeakOfAnotherDevice() {
    Outcome outcome =
        offramp(
            "bench --model ./model --input ./texts.txt --device opencl:0 --against jvm --batch 8"
                + " --rounds 1 --full-depth --report ./bench.html");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out())
        .containsPattern("(?m)^     8 full-depth( +\\S+){4} +\\d+% +4\\.00 ")
        .containsPattern("(?m)^     8 jvm( +\\S+){4} +- +4\\.00 ");
    assertThat(folder.resolve("bench.html")).isNotEmptyFile();
  }

  private static double rate(JsonObject line) {
    return line.get("samplesPerSecond").getAsDouble();
  }

  @Test
  void aCertificateOfTheJvmDeviceIsForTheJvmDevice() {
    Outcome calibrated = offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.6");
    assertThat(calibrated.code()).as(calibrated.err()).isZero();
    refuses(
        3, "calibrated on jvm in F32", "run --model ./model --input ./texts.txt --device opencl:0");
    Outcome again =
        offramp("calibrate --model ./model --data ./texts.txt --epsilon 0.6 --device opencl:0");
    assertThat(again.code()).as(again.err()).isZero();
    Outcome run = offramp("run --model ./model --input ./texts.txt --device opencl:0 --json");
    assertThat(run.code()).as(run.err()).isZero();
    assertThat(run.json().get("device").getAsString()).isEqualTo(OpenClHere.ID);
    assertThat(run.json().get("meanDepth").getAsDouble()).isLessThan(4);
  }

  @Test
  void tf32IsRefused() {
    refuses(
        2,
        "opencl:0: OpenCL computes in F32 and F16 only",
        "run --model ./model --input ./texts.txt --full-depth --device opencl:0 --precision tf32");
  }
}
