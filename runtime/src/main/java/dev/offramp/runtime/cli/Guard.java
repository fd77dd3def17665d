package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.Promise;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.engine.BatchRunner;
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
          : Arrays.stream(thresholds).findFirst().orElse(BatchRunner.NEVER);
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

  @Option(
      names = "--allow-other-device",
      description =
          "use a certificate of another kind of device or another precision: exits may differ")
  boolean allowOtherDevice;

  /** Whether the user named a threshold, a certificate or full depth. */
  boolean isSet() {
    return choice.fullDepth || choice.lambda != null || choice.certificate != null;
  }

  /**
   * The thresholds to run the model with on a device.
   *
   * @throws NoGuaranteeException if there is no certificate, or it is of another model, another
   *     kind of device or another precision
   */
  Thresholds resolve(ModelDirectory model, DeviceInfo device) {
    requireHeads(model);
    double[] same = new double[model.config().exits().size() - 1];
    if (choice.fullDepth) {
      Arrays.fill(same, BatchRunner.NEVER);
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
    checkDevice(file, certificate, device);
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

  /**
   * Confidences are rounded otherwise on another device, so a row close to a threshold may leave
   * elsewhere than it did in calibration. Where nothing leaves that does not matter.
   */
  private void checkDevice(Path file, Certificate certificate, DeviceInfo device) {
    if (certificate.calibration().fallback()) {
      return;
    }
    String calibratedOn =
        "%s in %s%s"
            .formatted(
                certificate.device(),
                certificate.dtype(),
                certificate.deviceDescription() == null
                    ? ""
                    : " (" + certificate.deviceDescription() + ")");
    String here = "%s in %s (%s)".formatted(device.id(), device.precision(), device.description());
    boolean described = device.description().equals(certificate.deviceDescription());
    boolean sameKind = kind(device.id()).equals(kind(certificate.device()));
    boolean same =
        sameKind
            && device.precision().name().equalsIgnoreCase(certificate.dtype())
            && (described || device.id().equals(certificate.device()));
    if (!same && !allowOtherDevice) {
      throw new NoGuaranteeException(
          file
              + ": device: the certificate was calibrated on "
              + calibratedOn
              + ", this is "
              + here
              + "; calibrate again on this device, or pass --allow-other-device");
    }
    // A processor has no number, and its description changes with the JVM's flags.
    if (!same || (!described && device.id().contains(":"))) {
      Console.say(
          "%s: calibrated on %s, this is %s: exits may differ for rows whose confidence is within"
              + " the devices' tolerance of the threshold",
          file, calibratedOn, here);
    }
  }

  /** The part of a device's name that says what it is, without its number. */
  private static String kind(String device) {
    return device.split(":", 2)[0];
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
