package dev.offramp.runtime.cli;

import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.io.Console;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/**
 * Options that say at which threshold rows may exit: a certificate's, unless the user says else.
 */
final class Guard {
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

  /** Checks, before anything is opened, that the options go together. */
  void check() {
    if (allowOtherDevice && (choice.fullDepth || choice.lambda != null)) {
      throw InputException.in(
          null,
          "--allow-other-device",
          "is about certificates, and %s uses none; leave one out"
              .formatted(choice.fullDepth ? "--full-depth" : "--lambda"));
    }
  }

  /** Whether the user named a threshold, a certificate or full depth. */
  boolean isSet() {
    return choice.fullDepth || choice.lambda != null || choice.certificate != null;
  }

  /** What the user chose. */
  EngineOptions.Policy policy() {
    if (choice.fullDepth) {
      return new EngineOptions.Policy.FullDepth();
    }
    if (choice.lambda == null) {
      return new EngineOptions.Policy.Certified(choice.certificate, allowOtherDevice);
    }
    Range.check("--lambda", choice.lambda, 0, 1);
    return new EngineOptions.Policy.ByHand(choice.lambda);
  }

  /**
   * The thresholds to run the model with on a device.
   *
   * @throws dev.offramp.runtime.NoGuaranteeException as {@link Thresholds#certified} does
   */
  Thresholds resolve(ModelDirectory model, DeviceInfo device) {
    Thresholds thresholds = Thresholds.of(model, policy(), device);
    thresholds.notes().forEach(note -> Console.say("%s", note));
    return thresholds;
  }
}
