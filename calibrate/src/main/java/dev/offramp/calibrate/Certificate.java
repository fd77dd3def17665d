package dev.offramp.calibrate;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.stream.MalformedJsonException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.UUID;

/**
 * A calibrated threshold bound to the model and data it holds for. Its JSON form is flat: the
 * components of {@link Calibration} and of this record side by side, with {@code lambda} (null for
 * a vector of thresholds) and {@code fallback} spelt out. "Never exit" is a valid certificate.
 *
 * @param thresholds shape [early exits], what a confidence must exceed at each; all of them {@code
 *     lambda} unless a vector was calibrated
 * @param modelHash hash of the model directory's content
 * @param dataHash hash of the files that the calibration samples are from
 * @param device device the confidences were computed on, such as {@code jvm} or {@code cuda:0}
 * @param deviceDescription what that device said of itself; null where an older version calibrated,
 *     whose files lack the field
 * @param dtype precision they were computed in: F32, TF32 or F16
 * @param softwareVersion version of Offramp that calibrated
 * @param created time of calibration
 */
public record Certificate(
    Risk risk,
    Calibration calibration,
    double[] thresholds,
    String modelHash,
    String dataHash,
    String device,
    String deviceDescription,
    String dtype,
    String softwareVersion,
    Instant created) {

  private static final int FORMAT_VERSION = 1;
  private static final int MAX_BYTES = 16 << 20;
  private static final int ID_DIGITS = 16;
  private static final Gson GSON =
      new GsonBuilder().serializeNulls().disableHtmlEscaping().setPrettyPrinting().create();

  /**
   * @throws CalibrationException if the thresholds are not the calibration's, are outside [0, 1],
   *     or let samples exit although nothing was certified; if other thresholds tried are outside
   *     [0, 1] or row 0 is not 1; or if the levels or mean losses are none that the risks can have
   */
  public Certificate {
    if (!Arrays.equals(thresholds, calibration.thresholds(thresholds.length))) {
      throw new CalibrationException("$.thresholds are not those of row $.rowIndex");
    }
    for (double threshold : thresholds) {
      if (!(threshold >= 0 && threshold <= 1)) {
        throw new CalibrationException("$.thresholds must be in [0, 1], not " + threshold);
      }
      if (calibration.fallback() && threshold != 1) {
        throw new CalibrationException(
            "$.thresholds must be 1, never exit, for row 0, not " + threshold);
      }
    }
    checkTried("grid", calibration.grid());
    for (int row = 0; row < calibration.vectors().length; row++) {
      checkTried("vectors[" + row + "]", calibration.vectors()[row]);
    }
    double[] grid = calibration.grid();
    double[] neverExit =
        grid.length > 0 ? new double[] {grid[0]} : calibration.vectors()[0]; // one of them is empty
    if (!Arrays.stream(neverExit).allMatch(threshold -> threshold == 1)) {
      throw new CalibrationException("row 0 of $.grid or $.vectors must be 1, never exit");
    }
    checkRisk(
        "$", risk, calibration.lossBound(), calibration.epsilon(), calibration.empiricalRisk());
    for (int i = 0; i < calibration.furtherRisks().size(); i++) {
      FurtherRisk further = calibration.furtherRisks().get(i);
      checkRisk(
          "$.furtherRisks[" + i + "]",
          Risk.of(further.risk()),
          further.lossBound(),
          further.epsilon(),
          further.empiricalRisk());
    }
  }

  private static void checkTried(String name, double[] thresholds) {
    for (double threshold : thresholds) {
      if (!(threshold >= 0 && threshold <= 1)) {
        throw new CalibrationException("$." + name + " must be in [0, 1], not " + threshold);
      }
    }
  }

  private static void checkRisk(
      String path, Risk risk, double lossBound, double epsilon, double[] means) {
    if (lossBound != risk.bound()) {
      throw new CalibrationException(
          "%s.lossBound must be %s, the largest loss of %s, not %s"
              .formatted(path, risk.bound(), risk.id(), lossBound));
    }
    if (!(epsilon <= lossBound)) {
      throw new CalibrationException(
          "%s.epsilon must be at most %s, the largest loss of %s, not %s"
              .formatted(path, lossBound, risk.id(), epsilon));
    }
    for (double mean : means) {
      if (!(mean >= risk.least() && mean <= lossBound)) {
        throw new CalibrationException(
            "%s.empiricalRisk must be within [%s, %s], the losses of %s, not %s"
                .formatted(path, risk.least(), lossBound, risk.id(), mean));
      }
    }
  }

  /**
   * Tells this certificate from all others: the first 16 digits of the SHA-256 of its JSON form.
   */
  public String id() {
    try {
      byte[] json = GSON.toJson(toJson()).getBytes(StandardCharsets.UTF_8);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(json);
      return HexFormat.of().formatHex(hash).substring(0, ID_DIGITS);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  /** The flat JSON form, as written to file. */
  public JsonObject toJson() {
    JsonObject json = new JsonObject();
    json.addProperty("formatVersion", FORMAT_VERSION);
    json.addProperty("method", calibration.method().id());
    json.addProperty("fwer", calibration.fwer() == null ? null : calibration.fwer().id());
    json.addProperty("risk", risk.id());
    json.addProperty("lossBound", calibration.lossBound());
    json.addProperty("epsilon", calibration.epsilon());
    json.addProperty("delta", calibration.delta());
    json.addProperty("calibrationSize", calibration.calibrationSize());
    json.addProperty("rowIndex", calibration.rowIndex());
    json.add("acceptedRows", GSON.toJsonTree(calibration.acceptedRows()));
    json.addProperty("lambda", calibration.isVector() ? null : calibration.lambda());
    json.add("thresholds", GSON.toJsonTree(thresholds));
    json.addProperty("fallback", calibration.fallback());
    json.addProperty("reason", calibration.reason());
    json.addProperty("guarantee", calibration.guarantee());
    json.addProperty("epsilonMin", calibration.epsilonMin());
    json.addProperty("modelHash", modelHash);
    json.addProperty("dataHash", dataHash);
    json.addProperty("device", device);
    json.addProperty("deviceDescription", deviceDescription);
    json.addProperty("dtype", dtype);
    json.addProperty("softwareVersion", softwareVersion);
    json.addProperty("created", created.toString());
    json.add("grid", GSON.toJsonTree(calibration.grid()));
    json.add("vectors", GSON.toJsonTree(calibration.vectors()));
    json.add("pValues", GSON.toJsonTree(calibration.pValues()));
    json.add("upperBounds", GSON.toJsonTree(calibration.upperBounds()));
    json.add("empiricalRisk", GSON.toJsonTree(calibration.empiricalRisk()));
    json.add("furtherRisks", GSON.toJsonTree(calibration.furtherRisks()));
    return json;
  }

  /** {@link #deviceDescription()} as one line of bearable length, fit to be printed; or null. */
  public String shownDescription() {
    return deviceDescription == null ? null : StrictJson.shown(deviceDescription);
  }

  /**
   * Writes the certificate; a reader sees the old file or the new one, never half of one. A link
   * stays; what it leads to is replaced.
   *
   * @throws IOException if it cannot be written, or something else is in the way, such as a device
   */
  public void write(Path file) throws IOException {
    Path target = Files.exists(file) ? file.toRealPath() : file;
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(target)) {
      throw new FileSystemException(file.toString(), null, "is not a regular file");
    }
    Path temporary = target.resolveSibling(".offramp-" + UUID.randomUUID() + ".tmp");
    try {
      Files.writeString(temporary, GSON.toJson(toJson()) + "\n");
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Reads a certificate.
   *
   * @throws CalibrationException if there is none, or it is damaged; names file and JSON path
   * @throws IOException if the file cannot be read
   */
  public static Certificate read(Path file) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new CalibrationException(file + ": is not a regular file; name a certificate");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new CalibrationException("larger than " + MAX_BYTES + " bytes");
      }
      return parse(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (NoSuchFileException e) {
      throw new CalibrationException(file + ": no such certificate; calibrate first", e);
    } catch (MalformedJsonException e) {
      throw new CalibrationException(file + ": " + e.getMessage() + "; calibrate again", e);
    } catch (CalibrationException | CharacterCodingException e) {
      throw new CalibrationException(
          file + ": not a valid certificate: " + e.getMessage() + "; calibrate again", e);
    }
  }

  private static Certificate parse(String text) throws MalformedJsonException {
    JsonFields fields = new JsonFields(StrictJson.parse(text));
    if (fields.integer("formatVersion") != FORMAT_VERSION) {
      throw new CalibrationException("$.formatVersion must be " + FORMAT_VERSION);
    }
    Calibration calibration = calibration(fields);
    Double lambda = fields.numberOrNull("lambda");
    if (!Objects.equals(lambda, calibration.isVector() ? null : calibration.lambda())) {
      throw new CalibrationException("$.lambda is not row $.rowIndex of $.grid");
    }
    if (fields.bool("fallback") != calibration.fallback()) {
      throw new CalibrationException("$.fallback must be true for row 0 and no other");
    }
    Certificate certificate =
        new Certificate(
            Risk.of(fields.name("risk")),
            calibration,
            fields.numbers("thresholds"),
            fields.name("modelHash"),
            fields.name("dataHash"),
            fields.name("device"),
            fields.has("deviceDescription") ? fields.textOrNull("deviceDescription") : null,
            fields.name("dtype"),
            fields.name("softwareVersion"),
            instant(fields.name("created")));
    fields.end();
    return certificate;
  }

  private static Calibration calibration(JsonFields fields) {
    String fwer = fields.nameOrNull("fwer");
    return new Calibration(
        Method.of(fields.name("method")),
        fwer == null ? null : Fwer.of(fwer),
        fields.number("lossBound"),
        fields.number("epsilon"),
        fields.number("delta"),
        fields.integer("calibrationSize"),
        fields.numbers("grid"),
        fields.matrix("vectors"),
        fields.integer("rowIndex"),
        fields.integers("acceptedRows"),
        fields.sentenceOrNull("reason"),
        fields.sentence("guarantee"),
        fields.number("epsilonMin"),
        fields.numbers("pValues"),
        fields.numbers("upperBounds"),
        fields.numbers("empiricalRisk"),
        fields.objects("furtherRisks", Certificate::furtherRisk));
  }

  private static FurtherRisk furtherRisk(JsonFields fields) {
    return new FurtherRisk(
        fields.name("risk"),
        fields.number("lossBound"),
        fields.number("epsilon"),
        fields.numbers("empiricalRisk"));
  }

  private static Instant instant(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new CalibrationException("$.created must be an ISO instant, not '" + text + "'", e);
    }
  }
}
