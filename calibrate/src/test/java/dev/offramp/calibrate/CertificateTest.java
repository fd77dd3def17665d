package dev.offramp.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateTest {
  @TempDir Path directory;

  static Certificate certificate(double epsilon) {
    LossTable table = new LossTable(new double[] {1, 0.5, 0}, new double[3][100], 1);
    return certificate(
        Risk.PREDICTION_CONSISTENCY,
        Calibrator.calibrate(table, new Settings(Method.LTT_HB, epsilon, 0.1)),
        new double[] {epsilon < 0.03 ? 1 : 0, epsilon < 0.03 ? 1 : 0});
  }

  @Test
  void comesBackAsWritten() throws IOException {
    Path file = directory.resolve("certificate.json");
    for (double epsilon : new double[] {0.05, 0}) {
      Certificate written = certificate(epsilon);
      written.write(file);
      assertThat(Certificate.read(file)).usingRecursiveComparison().isEqualTo(written);
    }
    assertThat(directory).isDirectoryContaining(file::equals);
    try (var files = Files.list(directory)) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void neverExitIsAValidCertificate() throws IOException {
    Path file = directory.resolve("certificate.json");
    certificate(0.001).write(file);
    Certificate read = Certificate.read(file);
    assertThat(read.calibration().fallback()).isTrue();
    assertThat(read.calibration().lambda()).isOne();
    assertThat(read.calibration().reason()).startsWith("epsilon below");
  }

  @Test
  void everyFieldIsNeededAndNoOtherAllowed() {
    JsonObject valid = certificate(0.05).toJson();
    assertThat(valid.keySet()).hasSize(29);
    for (String name : List.copyOf(valid.keySet())) {
      if (!name.equals("deviceDescription")) {
        assertDamaged(json -> json.remove(name), "$." + name + " is missing");
      }
    }
    assertDamaged(json -> json.addProperty("extra", 1), "$.extra is unknown");
  }

  /** Certificates of versions that did not describe the device stay valid. */
  @Test
  void theDeviceNeedNotBeDescribed() throws IOException {
    Path file = directory.resolve("certificate.json");
    JsonObject json = certificate(0.05).toJson();
    json.remove("deviceDescription");
    Files.writeString(file, json.toString());
    Certificate read = Certificate.read(file);
    assertThat(read.deviceDescription()).isNull();
    read.write(file);
    assertThat(Certificate.read(file)).usingRecursiveComparison().isEqualTo(read);
    assertDamaged(
        damaged -> damaged.addProperty("deviceDescription", 1),
        "$.deviceDescription must be a text");
  }

  @Test
  void wrongTypesAndValuesNameTheirPath() {
    assertDamaged(json -> json.addProperty("epsilon", "0.05"), "$.epsilon must be a finite number");
    assertDamaged(json -> json.add("epsilon", new JsonArray()), "$.epsilon must be");
    assertDamaged(json -> json.addProperty("rowIndex", 1.5), "$.rowIndex must be a 32-bit integer");
    assertDamaged(json -> json.addProperty("rowIndex", 9), "rowIndex must be a row of the grid");
    assertDamaged(json -> json.addProperty("rowIndex", -1), "rowIndex must be a row of the grid");
    assertDamaged(json -> json.addProperty("rowIndex", 1), "$.lambda is not row");
    assertDamaged(json -> json.addProperty("lambda", 0.5), "$.lambda is not row");
    assertDamaged(json -> json.addProperty("fallback", true), "$.fallback must be");
    assertDamaged(json -> json.addProperty("fallback", 1), "$.fallback must be true or false");
    assertDamaged(json -> json.addProperty("modelHash", " "), "$.modelHash must be a text");
    assertDamaged(json -> json.addProperty("reason", "why"), "reason must be");
    assertDamaged(json -> json.addProperty("method", "magic"), "unknown method 'magic'");
    assertDamaged(json -> json.addProperty("risk", "regret"), "unknown risk 'regret'");
    assertDamaged(json -> json.addProperty("formatVersion", 2), "$.formatVersion must be 1");
    assertDamaged(json -> json.addProperty("created", "today"), "$.created must be an ISO");
    for (double delta : new double[] {2, 1, 0, -0.1}) {
      assertDamaged(json -> json.addProperty("delta", delta), "delta must be in (0, 1)");
    }
    assertDamaged(json -> json.addProperty("calibrationSize", 0), "calibrationSize must be");
    assertDamaged(json -> json.addProperty("grid", 1), "$.grid must be an array");
    assertDamaged(json -> json.getAsJsonArray("grid").remove(0), "rowIndex must be a row");
    assertDamaged(json -> json.getAsJsonArray("pValues").remove(0), "pValues must have");
    assertDamaged(json -> json.getAsJsonArray("empiricalRisk").remove(0), "empiricalRisk must");
    assertDamaged(json -> json.getAsJsonArray("grid").add("x"), "$.grid[3] must be a finite");
    assertDamaged(json -> json.getAsJsonArray("grid").add(2), "grid must descend");
  }

  @Test
  void damagedFilesGiveOneError() throws IOException {
    String valid = certificate(0.05).toJson().toString();
    for (String text :
        List.of(
            "",
            "null",
            "[]",
            "{",
            valid.substring(0, valid.length() / 2),
            valid + "{}",
            valid.replace("0.05", "NaN"),
            valid.replace("0.05", "1e999"),
            valid.replace("\"delta\"", "delta"),
            valid.replace("\"delta\"", "\"del\u001b\nta\" "),
            "[".repeat(100_000))) {
      Path file = Files.writeString(directory.resolve("bad.json"), text);
      assertThatThrownBy(() -> Certificate.read(file))
          .isInstanceOf(CalibrationException.class)
          .hasMessageMatching(
              Pattern.quote(file.toString())
                  + ": (not a valid certificate: .*|not valid JSON at line 1 column \\d+ path .*)")
          .hasMessageNotContaining("\n")
          .hasMessageNotContaining("http")
          .hasMessageNotContaining("Exception")
          .hasMessageEndingWith("calibrate again");
    }
    Path binary = Files.write(directory.resolve("bad.json"), new byte[] {(byte) 0xff, 0});
    assertThatThrownBy(() -> Certificate.read(binary)).isInstanceOf(CalibrationException.class);
    Path missing = directory.resolve("missing.json");
    assertThatThrownBy(() -> Certificate.read(missing))
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining("no such certificate");
  }

  @Test
  void malformedJsonSaysWhereAndNoMore() throws IOException {
    Path file = Files.writeString(directory.resolve("bad.json"), "{\"risk\": [1,,]}");
    assertThatThrownBy(() -> Certificate.read(file))
        .isInstanceOf(CalibrationException.class)
        .hasMessage(file + ": not valid JSON at line 1 column 14 path $.risk[1]; calibrate again");
    Files.writeString(file, "{\"risk\": [1,");
    assertThatThrownBy(() -> Certificate.read(file))
        .isInstanceOf(CalibrationException.class)
        .hasMessage(file + ": not valid JSON at line 1 column 13 path $.risk[1]; calibrate again");
  }

  /** Which of the two is meant nobody can tell. */
  @Test
  void aFieldGivenTwiceIsRefused() throws IOException {
    String valid = vectors().toJson().toString();
    Path file = directory.resolve("twice.json");
    for (String[] change :
        new String[][] {
          {"\"epsilon\":0.1,", "\"epsilon\":0.1,\"epsilon\":0.001,", "$.epsilon is given twice"},
          {
            "\"epsilon\":0.3,",
            "\"epsilon\":0.3,\"epsilon\":0.3,",
            "$.furtherRisks[0].epsilon is given twice"
          }
        }) {
      assertThat(valid).contains(change[0]);
      Files.writeString(file, valid.replace(change[0], change[1]));
      assertThatThrownBy(() -> Certificate.read(file))
          .isInstanceOf(CalibrationException.class)
          .hasMessageContaining(change[2]);
    }
  }

  /** Messages show these texts, and must not become several lines, or very long, through them. */
  @Test
  void namesAreShortAndOfOneLine() throws IOException {
    for (String name :
        List.of("method", "fwer", "risk", "modelHash", "dataHash", "device", "dtype", "created")) {
      assertDamaged(
          json -> json.addProperty(name, "\u001b[2Jx\nofframp: all is well"),
          "$." + name + " must be a text without line breaks");
      assertDamaged(
          json -> json.addProperty(name, "x".repeat(200_000)),
          "$." + name + " must be a text of at most 200");
    }
    assertDamaged(json -> json.addProperty("guarantee", "a\nb"), "$.guarantee must be a text with");
    assertDamaged(
        json -> json.addProperty("guarantee", "x".repeat(200_000)),
        "$.guarantee must be a text of");
    Path file = directory.resolve("unknown.json");
    JsonObject json = certificate(0.05).toJson();
    json.addProperty("\u001b[2J\n\u009b" + "y".repeat(200_000), 1);
    Files.writeString(file, json.toString());
    assertThatThrownBy(() -> Certificate.read(file))
        .hasMessageContaining("$.?[2J??yyy")
        .hasMessageContaining("… is unknown")
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(600));
  }

  @Test
  void numbersThatCalibrationCannotGiveAreRefused() {
    assertDamaged(json -> json.addProperty("epsilon", -1), "epsilon must be above 0");
    assertDamaged(json -> json.addProperty("epsilon", 1e308), "guarantee must name epsilon");
    assertDamaged(json -> json.addProperty("epsilon", 0.06), "guarantee must name epsilon");
    assertDamaged(json -> json.addProperty("delta", 0.2), "guarantee must name epsilon, delta");
    assertDamaged(json -> json.addProperty("calibrationSize", 1), "guarantee must name");
    assertDamaged(json -> json.addProperty("lossBound", 1e308), "$.lossBound must be 1.0");
    assertDamaged(json -> json.addProperty("epsilonMin", -1), "epsilonMin must be");
    assertDamaged(json -> json.addProperty("epsilonMin", 1.5), "epsilonMin must be");
    assertDamaged(json -> set(json, "empiricalRisk", 0, 0.01), "empiricalRisk of row 0");
    assertDamaged(json -> set(json, "empiricalRisk", 1, 1.5), "$.empiricalRisk must be within");
    assertDamaged(json -> set(json, "empiricalRisk", 1, -0.5), "$.empiricalRisk must be within");
    assertDamaged(json -> set(json, "pValues", 1, 0.2), "pValues must be at most delta");
    assertDamaged(json -> set(json, "pValues", 1, 1.2), "pValues must be within [0, 1]");
    assertDamaged(json -> set(json, "pValues", 1, -0.1), "pValues must be within [0, 1]");
    assertDamaged(json -> set(json, "grid", 0, 1.5), "$.grid must be in [0, 1]");
    assertDamaged(json -> set(json, "grid", 0, 0.9), "row 0 of $.grid");
    assertDamaged(
        vectors(),
        json -> json.getAsJsonArray("vectors").get(0).getAsJsonArray().set(0, number(0.9)),
        "row 0 of $.grid or $.vectors");
    assertDamaged(
        vectors(),
        json -> json.getAsJsonArray("vectors").get(1).getAsJsonArray().set(0, number(-1)),
        "$.vectors[1] must be in [0, 1]");
    assertDamaged(
        vectors(),
        json -> furtherRisk(json).addProperty("lossBound", 3),
        "$.furtherRisks[0].lossBound must be 2.0");
    assertDamaged(
        vectors(),
        json -> furtherRisk(json).addProperty("epsilon", 2.5),
        "$.furtherRisks[0].epsilon must be at most 2.0");
    assertDamaged(
        vectors(),
        json -> furtherRisk(json).addProperty("epsilon", 0),
        "epsilon must be above 0 where rows are accepted");
    assertDamaged(
        vectors(), json -> set(furtherRisk(json), "empiricalRisk", 0, 0.1), "empiricalRisk of row");
    assertDamaged(
        vectors(), json -> json.getAsJsonArray("grid").add(1), "grid or vectors must be empty");
    JsonObject fallback = certificate(0).toJson();
    assertThat(fallback.get("epsilon").getAsDouble()).isZero();
    assertDamaged(
        certificate(0),
        json -> json.addProperty("epsilon", 1e308),
        "$.epsilon must be at most 1.0");
  }

  /** A file must not hold a threshold that its own numbers speak against, whatever the method. */
  @Test
  void acceptedRowsAreThoseThatTheMethodAccepts() {
    LossTable table = Tables.table(1000, 0, 10, 20);
    Calibration bounded = Calibrator.calibrate(table, new Settings(Method.UCB_HB, 0.05, 0.1));
    Calibration meant = Calibrator.calibrate(table, new Settings(Method.NAIVE, 0.05, 0.1));
    assertThat(List.of(bounded.rowIndex(), meant.rowIndex())).containsOnly(2);
    Certificate upper = certificate(bounded, bounded.thresholds(2));
    assertDamaged(upper, json -> set(json, "upperBounds", 1, 0.05), "upperBounds must be below");
    assertDamaged(
        upper, json -> json.getAsJsonArray("upperBounds").remove(2), "upperBounds must be below");
    assertDamaged(
        upper, json -> json.getAsJsonArray("upperBounds").add(0.01), "upperBounds must have at");
    assertDamaged(
        certificate(meant, meant.thresholds(2)),
        json -> set(json, "empiricalRisk", 1, 0.051),
        "empiricalRisk must be at most epsilon");
  }

  /** Whatever is calibrated can be read again, negative losses and unlucky samples included. */
  @Test
  void whatAnyMethodGivesIsAccepted() throws IOException {
    Path file = directory.resolve("certificate.json");
    SplittableRandom random = new SplittableRandom(1);
    double[] grid = Grid.uniform(20);
    int accepted = 0;
    for (Risk risk : List.of(Risk.PREDICTION_GAP, Risk.PREDICTION_CONSISTENCY)) {
      double[][] losses = new double[grid.length][60];
      double[][] other = new double[grid.length][60];
      for (int k = 1; k < grid.length; k++) {
        for (int i = 0; i < 60; i++) {
          double draw = random.nextDouble();
          losses[k][i] = draw < 0.005 * k ? 1 : draw > 0.9 ? risk.least() : 0;
          other[k][i] = 2 * losses[k][i];
        }
      }
      RiskLevel further =
          new RiskLevel(
              risk.needsLabels() ? "brier-gap" : "brier-consistency",
              new LossTable(grid, other, 2),
              0.5);
      for (Method method : Method.values()) {
        for (Fwer fwer : method.tests() ? Fwer.values() : new Fwer[] {Fwer.FIXED_SEQUENCE}) {
          for (double epsilon : new double[] {-0.1, 0.1, 0.25, 0.999}) {
            for (List<RiskLevel> more : List.of(List.<RiskLevel>of(), List.of(further))) {
              Calibration calibration =
                  Calibrator.calibrate(
                      risk.id(),
                      new LossTable(grid, losses, 1),
                      new Settings(method, fwer, epsilon, epsilon == 0.1 ? 0.9 : 0.1),
                      more);
              Certificate written = certificate(risk, calibration, calibration.thresholds(2));
              written.write(file);
              assertThat(Certificate.read(file).toJson()).isEqualTo(written.toJson());
              accepted += calibration.fallback() ? 0 : 1;
            }
          }
        }
      }
    }
    assertThat(accepted).isGreaterThan(100);
  }

  private static void set(JsonObject json, String name, int index, double value) {
    json.getAsJsonArray(name).set(index, number(value));
  }

  private static JsonPrimitive number(double value) {
    return new JsonPrimitive(value);
  }

  @Test
  void aFailedWriteLeavesNothingBehind() throws IOException {
    Path target = Files.createDirectories(directory.resolve("taken").resolve("inside")).getParent();
    assertThatThrownBy(() -> certificate(0.05).write(target)).isInstanceOf(IOException.class);
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(target);
    }
  }

  private void assertDamaged(Consumer<JsonObject> damage, String message) {
    assertDamaged(certificate(0.05), damage, message);
  }

  private void assertDamaged(Certificate certificate, Consumer<JsonObject> damage, String message) {
    JsonObject json = certificate.toJson();
    damage.accept(json);
    Path file = directory.resolve("damaged.json");
    assertThatThrownBy(
            () -> {
              Files.writeString(file, json.toString());
              Certificate.read(file);
            })
        .isInstanceOf(CalibrationException.class)
        .hasMessageContaining(message)
        .hasMessageContaining(file.toString());
  }

  @Test
  void vectorsAndFurtherRisksComeBackToo() throws IOException {
    Certificate written = vectors();
    Path file = directory.resolve("certificate.json");
    written.write(file);
    assertThat(Certificate.read(file)).usingRecursiveComparison().isEqualTo(written);
    assertThat(written.toJson().get("lambda").isJsonNull()).isTrue();
    assertThat(written.toJson().getAsJsonArray("thresholds")).hasSize(2);
    assertDamaged(written, json -> json.addProperty("lambda", 0.5), "$.lambda is not");
    assertDamaged(
        written,
        json -> json.getAsJsonArray("thresholds").remove(0),
        "thresholds for 2 early exits do not fit");
    assertDamaged(
        written, json -> json.getAsJsonArray("vectors").set(0, new JsonArray()), "equal lengths");
    assertDamaged(
        written,
        json -> furtherRisk(json).addProperty("delta", 1),
        "$.furtherRisks[0].delta is unknown");
    assertDamaged(
        written,
        json -> furtherRisk(json).add("empiricalRisk", new JsonArray()),
        "furtherRisks must have");
    assertDamaged(written, json -> json.add("acceptedRows", row(0)), "acceptedRows must be");
    assertDamaged(written, json -> json.add("acceptedRows", row(3)), "acceptedRows must be");
    assertDamaged(written, json -> json.add("acceptedRows", row(1)), "one of acceptedRows");
    assertDamaged(written, json -> json.addProperty("fwer", "hope"), "unknown fwer 'hope'");
    assertDamaged(written, json -> json.addProperty("method", "ucb-hb"), "fwer must be given");
  }

  /** A certificate that says "never exit" must hold nothing else, however it came to be. */
  @Test
  void neverExitIsNoOtherThreshold() throws IOException {
    Calibration fallback = Calibrator.calibrate(lossy(), new Settings(Method.LTT_HB, 0.05, 0.1));
    assertThat(fallback.fallback()).isTrue();
    Certificate certificate = certificate(fallback, new double[] {1, 1});
    for (double lambda : new double[] {0, 0.999, 5}) {
      assertDamaged(
          certificate,
          json -> {
            json.addProperty("lambda", lambda);
            json.getAsJsonArray("grid").set(0, new JsonPrimitive(lambda));
            json.getAsJsonArray("grid").set(1, new JsonPrimitive(0));
            json.getAsJsonArray("thresholds").set(0, new JsonPrimitive(lambda));
            json.getAsJsonArray("thresholds").set(1, new JsonPrimitive(lambda));
          },
          "$.thresholds must be");
    }
  }

  /** The guarantee is about the row that was tested, not about what was written beside it. */
  @Test
  void thresholdsAreThoseOfTheRow() {
    assertDamaged(json -> set(json, "thresholds", 1, 0.3), "$.thresholds are not those of row");
    assertDamaged(
        vectors(), json -> set(json, "thresholds", 0, 0.3), "$.thresholds are not those of row");
  }

  private static LossTable lossy() {
    double[][] losses = new double[2][50];
    Arrays.fill(losses[1], 1);
    return new LossTable(new double[] {1, 0.5}, losses, 1);
  }

  private static JsonObject furtherRisk(JsonObject json) {
    return json.getAsJsonArray("furtherRisks").get(0).getAsJsonObject();
  }

  private static JsonArray row(int row) {
    JsonArray rows = new JsonArray();
    rows.add(row);
    return rows;
  }

  private static Certificate vectors() {
    double[][] vectors = {{1, 1}, {0.5, 1}, {0.4, 0.7}};
    Calibration calibration =
        new Calibration(
            Method.LTT_WSR,
            Fwer.SPLIT,
            1,
            0.1,
            0.2,
            50,
            new double[0],
            vectors,
            2,
            new int[] {1, 2},
            null,
            "Except with probability at most 0.2 over 50 samples, the loss is at most 0.1.",
            0.05,
            new double[] {0, 0.1, 0.2},
            new double[0],
            new double[] {0, 0.01, 0.02},
            List.of(new FurtherRisk("brier-consistency", 2, 0.3, new double[] {0, 0.1, 0.2})));
    return certificate(calibration, vectors[2]);
  }

  private static Certificate certificate(Calibration calibration, double[] thresholds) {
    return certificate(Risk.PREDICTION_GAP, calibration, thresholds);
  }

  private static Certificate certificate(Risk risk, Calibration calibration, double[] thresholds) {
    return new Certificate(
        risk,
        calibration,
        thresholds,
        "sha256:aa",
        "sha256:bb",
        "jvm",
        "a processor",
        "F32",
        "0.1.0",
        Instant.parse("2025-01-02T03:04:05Z"));
  }
}
