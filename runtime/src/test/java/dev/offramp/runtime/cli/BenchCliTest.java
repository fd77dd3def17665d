package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.cases;
import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.offramp.kernels.cuda.CudaDevices;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each scenario prints; figures are only as good as a tiny model and one round. */
class BenchCliTest {
  @TempDir private Path folder;
  private Path model;
  private Path texts;

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.write(folder.resolve("model"), 11, 1, 2, 4);
    texts = folder.resolve("texts.txt");
    Files.write(texts, TinyModel.sentences(12, 400));
  }

  private Object[] bench(Object... more) {
    List<Object> command = new ArrayList<>(List.of("bench", "--model", model, "--input", texts));
    command.addAll(List.of(more));
    if (!command.contains("--rounds")) {
      command.addAll(List.of("--rounds", 1));
    }
    return command.toArray();
  }

  private static JsonObject json(Object... command) {
    Outcome outcome = offramp(command);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return outcome.json();
  }

  @Test
  void offline() {
    JsonObject bench = json(bench("--batch", "1,5", "--lambda", 0.4, "--json"));
    assertThat(bench.get("scenario").getAsString()).isEqualTo("offline");
    List<JsonObject> cases = cases(bench);
    assertThat(cases)
        .extracting(line -> line.get("batch").getAsInt() + " " + line.get("mode").getAsString())
        .containsExactly(
            "1 full-depth",
            "1 early-exit",
            "5 full-depth",
            "5 early-exit",
            "5 early-exit-no-compaction",
            "5 batch-1-exits");
    assertThat(bench.getAsJsonObject("leftOut").getAsJsonObject("batch 1").keySet())
        .containsExactly("early-exit-no-compaction", "batch-1-exits");
    for (JsonObject line : cases) {
      double rate = line.get("samplesPerSecond").getAsDouble();
      assertThat(rate).isPositive();
      JsonArray spread = line.getAsJsonArray("samplesPerSecondSpread");
      assertThat(spread.get(0).getAsDouble()).as("one round").isEqualTo(rate);
      assertThat(spread.get(1).getAsDouble()).isEqualTo(rate);
      assertThat(line.get("bytesPerSample").getAsDouble()).as("outcomes at least").isPositive();
      assertThat(line.get("collections").getAsLong()).isNotNegative();
      assertThat(line.get("collectionMillis").getAsLong()).isNotNegative();
      boolean full = line.get("mode").getAsString().equals("full-depth");
      assertThat(line.get("schedulerEfficiency").isJsonNull()).isEqualTo(full);
      assertThat(line.has("rowsRunning")).isEqualTo(!full);
      assertThat(line.has("stepRows"))
          .isEqualTo(line.get("mode").getAsString().equals("early-exit"));
    }
    assertThat(bench.getAsJsonObject("ratios").keySet()).containsExactly("batch 1", "batch 5");
    assertThat(bench.getAsJsonObject("ratios").getAsJsonObject("batch 5").keySet())
        .containsExactly(
            "full-depth/early-exit",
            "full-depth/early-exit-no-compaction",
            "full-depth/batch-1-exits");
  }

  /** Mean depth and the rows running are two views of the same exits, after layers 1, 2 and 4. */
  @Test
  void rowsRunningAddUpToTheDepth() {
    JsonObject line =
        cases(json(bench("--batch", 5, "--lambda", 0.999, "--modes", "early-exit", "--json")))
            .getFirst();
    JsonArray running = line.getAsJsonArray("rowsRunning");
    double depth = 1 + running.get(0).getAsDouble() / 5 + 2 * running.get(1).getAsDouble() / 5;
    assertThat(line.get("meanDepth").getAsDouble())
        .isCloseTo(depth, within(1e-9))
        .as("some rows leave at once and some do not")
        .isBetween(1.1, 3.9);
    assertThat(running.get(2).getAsDouble()).isZero();
    assertThat(line.get("ratio").isJsonNull()).as("full depth was not timed").isTrue();
  }

  /** A batch of its own dwindles; rows of later batches fill the scheduler's steps. */
  @Test
  void theSchedulersStepsAreFullerThanABatchOfItsOwn() {
    JsonObject line =
        cases(json(bench("--batch", 5, "--lambda", 0.999, "--modes", "early-exit", "--json")))
            .getFirst();
    JsonArray steps = line.getAsJsonArray("stepRows");
    JsonArray running = line.getAsJsonArray("rowsRunning");
    assertThat(steps).as("a number a stage").hasSize(3);
    assertThat(steps.get(0).getAsDouble()).isBetween(4.5, 5.0);
    for (int exit = 0; exit < 2; exit++) {
      assertThat(steps.get(exit + 1).getAsDouble())
          .isGreaterThan(running.get(exit).getAsDouble())
          .isLessThanOrEqualTo(5);
    }
  }

  /** All leave at the first exit: of later stages there is no mean. */
  @Test
  void aStageWithoutStepsHasNoMean() throws IOException {
    Path report = folder.resolve("steps.html");
    JsonArray steps =
        cases(json(bench("--batch", 4, "--lambda", 0, "--report", report, "--json")))
            .get(1)
            .getAsJsonArray("stepRows");
    assertThat(steps.get(0).getAsDouble()).isEqualTo(4);
    assertThat(steps.get(1).isJsonNull()).isTrue();
    assertThat(steps.get(2).isJsonNull()).isTrue();
    assertThat(report).content().contains("the scheduler&#39;s steps");
  }

  @Test
  void theTableHasALineForEachCase() {
    Outcome outcome = offramp(bench("--batch", 3, "--lambda", 0.4));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out())
        .containsPattern("(?m)^ batch mode +samples/s +p50 ms +p99 ms ")
        .containsPattern("(?m)^     3 full-depth +\\d+\\.\\d .* 4\\.00 +1\\.00x +- +\\d+$")
        .containsPattern("(?m)^     3 batch-1-exits +\\d");
    assertThat(outcome.err()).contains("timing full-depth, early-exit");
  }

  @Test
  void singleStream() {
    JsonObject bench = json(bench("--scenario", "single-stream", "--lambda", 0.4, "--json"));
    assertThat(bench.get("scenario").getAsString()).isEqualTo("single-stream");
    List<JsonObject> cases = cases(bench);
    assertThat(cases)
        .extracting(line -> line.get("mode").getAsString())
        .containsExactly("full-depth", "early-exit");
    for (JsonObject line : cases) {
      assertThat(line.get("batch").getAsInt()).isEqualTo(1);
      assertThat(line.get("samples").getAsInt()).isGreaterThanOrEqualTo(128);
      double p90 = line.get("p90Millis").getAsDouble();
      assertThat(line.get("p50Millis").getAsDouble()).isPositive().isLessThanOrEqualTo(p90);
      assertThat(line.get("p99Millis").getAsDouble()).isGreaterThanOrEqualTo(p90);
      assertThat(line.getAsJsonArray("p90Spread").get(0).getAsDouble())
          .as("one round")
          .isEqualTo(p90);
      assertThat(line.get("bytesPerSample").getAsDouble()).isPositive();
    }
    assertThat(cases.get(1).get("meanDepth").getAsDouble()).isBetween(1.0, 3.9);
    assertThat(ratio(bench, "batch 1", "full-depth/early-exit"))
        .isEqualTo(p90(cases.get(0)) / p90(cases.get(1)));
    assertThat(bench.getAsJsonObject("leftOut").getAsJsonObject("batch 1").toString())
        .contains("one row at a time it is early-exit");
    refuses(2, "one row at a time", bench("--scenario", "single-stream", "--batch", 8));
  }

  private static double p90(JsonObject line) {
    return line.get("p90Millis").getAsDouble();
  }

  private static double ratio(JsonObject bench, String batch, String modes) {
    return bench.getAsJsonObject("ratios").getAsJsonObject(batch).get(modes).getAsDouble();
  }

  @Test
  void server() throws IOException {
    Path report = folder.resolve("server.html");
    // A limit that even a busy machine keeps at some rate.
    JsonObject bench =
        json(
            bench(
                "--scenario",
                "server",
                "--lambda",
                0.4,
                "--batch",
                8,
                "--p99-limit",
                2_000,
                "--probe-seconds",
                0.01,
                "--report",
                report,
                "--json"));
    List<JsonObject> cases = cases(bench);
    assertThat(cases)
        .extracting(line -> line.get("mode").getAsString())
        .containsExactly("full-depth", "early-exit", "early-exit-no-compaction", "batch-1-exits");
    for (JsonObject line : cases) {
      double rate = line.get("rate").getAsDouble();
      assertThat(rate).isPositive();
      assertThat(line.getAsJsonArray("rateSpread").get(0).getAsDouble()).isEqualTo(rate);
      assertThat(line.getAsJsonArray("rateSpread").get(1).getAsDouble()).isEqualTo(rate);
      assertThat(line.get("limitMillis").getAsDouble()).isEqualTo(2_000);
      assertThat(line.get("p99Millis").getAsDouble()).isPositive().isLessThanOrEqualTo(2_000);
      assertThat(p90(line)).isLessThanOrEqualTo(line.get("p99Millis").getAsDouble());
      assertThat(line.get("p50Millis").getAsDouble()).isLessThanOrEqualTo(p90(line));
      assertThat(line.get("lateMillis").getAsDouble()).isNotNegative();
      assertThat(line.get("offlineSamplesPerSecond").getAsDouble()).isPositive();
      assertThat(line.get("probes").getAsInt()).isPositive();
      assertThat(line.get("bytesPerSample").getAsDouble()).isPositive();
      assertThat(line.get("collections").getAsLong()).isNotNegative();
      assertThat(line.get("collectionMillis").getAsLong()).isNotNegative();
    }
    assertThat(ratio(bench, "batch 8", "full-depth/early-exit"))
        .isEqualTo(cases.get(0).get("rate").getAsDouble() / cases.get(1).get("rate").getAsDouble());
    assertThat(Files.readString(report))
        .contains("Rate that is answered in time", "early-exit-no-compaction", "limit");
  }

  @Test
  void noRateIsInTime() {
    Outcome outcome =
        offramp(
            bench(
                "--scenario",
                "server",
                "--batch",
                8,
                "--p99-limit",
                1e-6,
                "--modes",
                "full-depth",
                "--full-depth",
                "--report",
                folder.resolve("none.html")));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).contains("no rate keeps the limit");
    assertThat(outcome.out())
        .containsPattern("(?m)^     8 full-depth +0\\.0 +0\\.0-0\\.0 +- +- +- .* -$");
  }

  @Test
  void aPageWithPlots() throws IOException {
    Path report = folder.resolve("bench.html");
    JsonObject bench = json(bench("--batch", "1,4", "--lambda", 0.4, "--report", report, "--json"));
    assertThat(bench.get("report").getAsString()).isEqualTo(report.toString());
    assertThat(bench.getAsJsonArray("input")).containsExactly(new JsonPrimitive(texts.toString()));
    assertThat(Files.readString(report)).contains("input " + texts + ";");
    assertThat(Files.readString(report))
        .contains("Throughput by batch", "Batch size by depth", "Latency of a batch", "All numbers")
        .contains("Not at batch 1: batch-1-exits: one row at a time")
        .contains("early-exit-no-compaction", "a batch of its own", "steps");
    Path latency = folder.resolve("latency.html");
    json(bench("--scenario", "single-stream", "--full-depth", "--report", latency, "--json"));
    assertThat(Files.readString(latency)).contains("Latency of a row", "p90");
    refuses(2, "texts.txt: is an input", bench("--report", texts));
    refuses(
        2,
        "config.json: is an input or another output too, or within one",
        bench("--report", model.resolve("config.json")));
    refuses(2, "no writable folder", bench("--report", folder.resolve("gone/bench.html")));
    assertThat(texts).content().doesNotContain("<html");
  }

  @Test
  void modesAreChosenByName() {
    refuses(
        2,
        "--modes warp: unknown; there are full-depth, early-exit, early-exit-no-compaction",
        bench("--modes", "full-depth,warp"));
    refuses(
        2,
        "--modes early-exit: has no thresholds to leave by",
        bench("--modes", "early-exit", "--full-depth"));
    refuses(
        2,
        "early-exit at batches of 1",
        bench("--modes", "batch-1-exits", "--lambda", 0.4, "--batch", 1));
    refuses(
        2,
        "--modes batch-1-exits: are early-exit, one row at a time; name early-exit instead",
        bench("--scenario", "single-stream", "--modes", "batch-1-exits", "--lambda", 0.4));
    assertThat(
            cases(
                json(
                    bench(
                        "--scenario",
                        "single-stream",
                        "--modes",
                        "early-exit",
                        "--lambda",
                        0.4,
                        "--json"))))
        .as("the advice works")
        .hasSize(1);
  }

  @Test
  void wrongUsage() {
    refuses(2, "--scenario flood: unknown; there are offline", bench("--scenario", "flood"));
    refuses(2, "--rounds 0", bench("--rounds", 0));
    refuses(2, "add --scenario server", bench("--p99-limit", 5));
    refuses(
        2, "--max-wait -1.0: must be 0 to 60000", bench("--scenario", "server", "--max-wait", -1));
    refuses(2, "--p99-limit 0.0: must be", bench("--scenario", "server", "--p99-limit", 0));
    refuses(
        2, "--probe-seconds NaN: must be", bench("--scenario", "server", "--probe-seconds", "NaN"));
    refuses(
        2,
        "--against pytorch: is no peer of --scenario server; there are onnxruntime,"
            + " onnxruntime-segmented, onnxruntime-cuda",
        bench("--scenario", "server", "--against", "pytorch"));
    refuses(
        2,
        "--against jcuda: is no peer of --scenario server",
        bench("--scenario", "server", "--against", "jcuda"));
  }

  @Test
  void withoutCudaThePeerJcudaSaysWhatIsMissing() {
    Object[] command = bench("--batch", 5, "--full-depth", "--against", "jcuda");
    if (CudaDevices.probe().getFirst().accepted()) {
      assertThat(offramp(command).code()).isIn(0, 2); // Without cuBLAS of CUDA 12 it is 2 still.
    } else {
      refuses(2, "; it needs an NVIDIA driver and CUDA 12's libcublas.so.12", command);
    }
  }
}
