package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.Promise;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.engine.Engine;
import dev.offramp.runtime.io.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Decides at which threshold rows may exit: a certificate's, unless the user says otherwise. */
final class Guard {
  /**
   * The thresholds to run with.
   *
   * @param thresholds shape [exits before the last]
   * @param certificate what guarantees them, or null where nothing does
   * @param file where the certificate was read, or null
   */
  record Thresholds(double[] thresholds, Certificate certificate, Path file) {
    /** The one threshold of all exits, or null where they differ. */
    Double lambda() {
      return Arrays.stream(thresholds).distinct().count() > 1
          ? null
          : Arrays.stream(thresholds).findFirst().orElse(Engine.NEVER);
    }
  }

  @ArgGroup Choice choice = new Choice();

  static final class Choice {
    @Option(
        names = "--lambda",
        paramLabel = "X",
        description = "exit where confidence > X; no guarantee")
    Double lambda;

    @Option(
        names = "--certificate",
        paramLabel = "FILE",
        description = "certificate to enforce (default: certificate.json of the model)")
    Path certificate;

    @Option(names = "--full-depth", description = "never exit early")
    boolean fullDepth;
  }

  /** Whether the user named a threshold, a certificate or full depth. */
  boolean isSet() {
    return choice.fullDepth || choice.lambda != null || choice.certificate != null;
  }

  Thresholds resolve(ModelDirectory model) {
    requireHeads(model);
    double[] same = new double[model.config().exits().size() - 1];
    if (choice.fullDepth) {
      Arrays.fill(same, Engine.NEVER);
      return new Thresholds(same, null, null);
    }
    if (choice.lambda != null) {
      if (!(choice.lambda >= 0 && choice.lambda <= 1)) {
        throw InputException.in(null, "--lambda " + choice.lambda, "must be in [0, 1]");
      }
      Console.say("lambda %s was given by hand: its risk is not guaranteed", choice.lambda);
      Arrays.fill(same, choice.lambda);
      return new Thresholds(same, null, null);
    }
    Path file =
        choice.certificate != null
            ? choice.certificate
            : model.path().resolve(ModelDirectory.CERTIFICATE);
    if (!Files.exists(file)) {
      throw new NoGuaranteeException(
          file
              + ": there is no certificate; make one with 'offramp calibrate', or pass --full-depth,"
              + " or --lambda to run without a guarantee");
    }
    Certificate certificate = read(file);
    if (!certificate.modelHash().equals(model.hash())) {
      throw new NoGuaranteeException(
          file
              + ": modelHash: the certificate is for another model ("
              + certificate.modelHash()
              + ", this one is "
              + model.hash()
              + "); calibrate this model, or pass --full-depth");
    }
    if (certificate.calibration().fallback()) {
      Console.say(
          "no certified threshold, running at full depth: " + certificate.calibration().reason());
    } else if (certificate.calibration().method().promise() != Promise.HIGH_PROBABILITY) {
      Console.say(
          "%s: chosen by '%s': %s",
          file, certificate.calibration().method().id(), certificate.calibration().guarantee());
    }
    if (certificate.thresholds().length != same.length) {
      throw InputException.in(
          file,
          "$.thresholds",
          "%d thresholds for the %d exits before the last; calibrate again"
              .formatted(certificate.thresholds().length, same.length));
    }
    return new Thresholds(certificate.thresholds(), certificate, file);
  }

  private static Certificate read(Path file) {
    try {
      return Certificate.read(file);
    } catch (IOException e) {
      throw InputException.in(file, null, "cannot be read: " + e.getMessage());
    }
  }

  static void requireHeads(ModelDirectory model) {
    if (model.config().exits().isEmpty()) {
      throw InputException.in(
          model.path().resolve(ModelDirectory.CONFIG),
          "$.exits",
          "the model has no exit heads; make some with 'offramp attach'");
    }
  }
}
