package dev.offramp.runtime;

import dev.offramp.calibrate.Certificate;
import dev.offramp.calibrate.Promise;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.NoGuaranteeException.Kind;
import dev.offramp.runtime.engine.Floors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The thresholds that a model runs with, and what guarantees them.
 *
 * @param thresholds shape [exits before the last], each in [0, 1]; 1 never exits
 * @param certificate what guarantees them, or null where nothing does
 * @param file where the certificate was read, or null
 * @param notes what a user should be told about them, a sentence each
 */
public record Thresholds(
    double[] thresholds, Certificate certificate, Path file, List<String> notes) {
  public Thresholds {
    thresholds = thresholds.clone();
    notes = List.copyOf(notes);
  }

  /**
   * Those that a policy names.
   *
   * @throws NoGuaranteeException as {@link #certified} does
   * @throws InputException as {@link #certified} does
   */
  public static Thresholds of(
      ModelDirectory model, EngineOptions.Policy policy, DeviceInfo device) {
    return switch (policy) {
      case EngineOptions.Policy.FullDepth() -> fullDepth(model);
      case EngineOptions.Policy.ByHand(double lambda) -> byHand(model, lambda);
      case EngineOptions.Policy.Certified(Path file, boolean allowOtherDevice) ->
          certified(model, file, device, allowOtherDevice);
    };
  }

  private static Thresholds fullDepth(ModelDirectory model) {
    return new Thresholds(same(model, Floors.NEVER), null, null, List.of());
  }

  private static Thresholds byHand(ModelDirectory model, double lambda) {
    String note =
        lambda >= Floors.NEVER
            ? "lambda %s is full depth: no confidence is above it"
            : "lambda %s was given by hand: its risk is not guaranteed";
    return new Thresholds(same(model, lambda), null, null, List.of(note.formatted(lambda)));
  }

  /**
   * Those of a certificate.
   *
   * @param file the certificate, or null for certificate.json of the model
   * @param device what the model runs on
   * @param allowOtherDevice whether the certificate may be of another kind of device or another
   *     precision, where exits may differ
   * @throws NoGuaranteeException if the model has no certificate, or it is of another model,
   *     another kind of device or another precision
   * @throws InputException if a certificate that was named is not there, it is damaged, or the
   *     model has no exits
   */
  public static Thresholds certified(
      ModelDirectory model, Path file, DeviceInfo device, boolean allowOtherDevice) {
    int exits = same(model, Floors.NEVER).length;
    Path from = file != null ? file : model.path().resolve(ModelDirectory.CERTIFICATE);
    if (!Files.exists(from) && file != null) {
      throw InputException.in(file, null, "there is no such certificate; check the path");
    }
    if (!Files.exists(from)) {
      throw new NoGuaranteeException(
          Kind.NO_CERTIFICATE,
          from
              + (exits == 0
                  ? ": there is no certificate, and no exit before the last layer to make one for;"
                      + " add some with 'offramp attach'"
                  : ": there is no certificate; make one with 'offramp calibrate'"));
    }
    Certificate certificate = read(from);
    if (!certificate.modelHash().equals(model.hash())) {
      throw new NoGuaranteeException(
          Kind.OTHER_MODEL,
          from
              + ": modelHash: the certificate is for another model, or a file of this one was changed or"
              + " damaged since ("
              + certificate.modelHash()
              + ", this one is "
              + model.hash()
              + "); restore the files, or calibrate this model");
    }
    List<String> notes = new ArrayList<>();
    checkDevice(from, certificate, device, allowOtherDevice, notes);
    if (certificate.calibration().fallback()) {
      notes.add(
          "no certified threshold, running at full depth: " + certificate.calibration().reason());
    } else if (certificate.calibration().method().promise() != Promise.HIGH_PROBABILITY) {
      notes.add(
          "%s: chosen by '%s': %s"
              .formatted(
                  from,
                  certificate.calibration().method().id(),
                  certificate.calibration().guarantee()));
    }
    if (certificate.thresholds().length != exits) {
      throw InputException.in(
          from,
          "$.thresholds",
          "%d thresholds for the %d exits before the last; calibrate again"
              .formatted(certificate.thresholds().length, exits));
    }
    return new Thresholds(certificate.thresholds(), certificate, from, notes);
  }

  @Override
  public double[] thresholds() {
    return thresholds.clone();
  }

  /** The one threshold of all exits, or null where they differ. */
  public Double lambda() {
    return Arrays.stream(thresholds).distinct().count() > 1
        ? null
        : Arrays.stream(thresholds).findFirst().orElse(Floors.NEVER);
  }

  /**
   * @throws InputException if the model has no exit heads
   */
  public static void requireHeads(ModelDirectory model) {
    if (model.config().exits().isEmpty()) {
      throw InputException.in(
          model.path().resolve(ModelDirectory.CONFIG),
          "$.exits",
          "the model has no exit heads; make some with 'offramp attach'");
    }
  }

  /**
   * @throws InputException if the model has no exit before its last layer, so that there is no
   *     threshold to choose
   */
  public static void requireEarlyExits(ModelDirectory model) {
    requireHeads(model);
    if (model.config().exits().size() == 1) {
      throw InputException.in(
          model.path().resolve(ModelDirectory.CONFIG),
          "$.exits",
          "the model has no exit before its last layer, so there is nothing to choose; add some with"
              + " 'offramp attach'");
    }
  }

  private static double[] same(ModelDirectory model, double lambda) {
    requireHeads(model);
    return Floors.everywhere(lambda, model.config().exits().size());
  }

  /**
   * Confidences are rounded otherwise on another device, so a row close to a threshold may leave
   * elsewhere than it did in calibration. Where nothing leaves that does not matter.
   */
  private static void checkDevice(
      Path file,
      Certificate certificate,
      DeviceInfo device,
      boolean allowOtherDevice,
      List<String> notes) {
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
                    : " (" + certificate.shownDescription() + ")");
    String here = "%s in %s (%s)".formatted(device.id(), device.precision(), device.description());
    boolean described = device.description().equals(certificate.deviceDescription());
    boolean sameKind = kind(device.id()).equals(kind(certificate.device()));
    boolean same =
        sameKind
            && device.precision().name().equalsIgnoreCase(certificate.dtype())
            && (described || device.id().equals(certificate.device()));
    if (!same && !allowOtherDevice) {
      throw new NoGuaranteeException(
          Kind.OTHER_DEVICE,
          file
              + ": device: the certificate was calibrated on "
              + calibratedOn
              + ", this is "
              + here
              + "; calibrate again on this device");
    }
    // A processor has no number, and its description changes with the JVM's flags.
    if (!same || (!described && device.id().contains(":"))) {
      notes.add(
          ("%s: calibrated on %s, this is %s: exits may differ for rows whose confidence is within"
                  + " the devices' tolerance of the threshold")
              .formatted(file, calibratedOn, here));
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
}
