package dev.offramp.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Kinds of devices that lie in jars of their own, where these are on the class path. */
final class Providers {
  private static final String TORNADO = "tornado";

  /** The launcher's reason, a sentence, for having left TornadoVM out. */
  private static final String LAUNCHER_REASON = "offramp.tornado";

  private Providers() {}

  /**
   * The provider of a kind, empty for a kind that nobody knows.
   *
   * @throws DeviceException if it is known but not on the class path; the message says what to do
   */
  static Optional<DeviceProvider> find(String kind) {
    Optional<DeviceProvider> found =
        load().stream().filter(provider -> provider.kind().equals(kind)).findFirst();
    if (found.isEmpty() && kind.equals(TORNADO)) {
      throw new DeviceException("There are no devices of the kind 'tornado'. " + missing());
    }
    return found;
  }

  /** What the providers found, and of TornadoVM what is missing if its provider is not here. */
  static List<Probe> probe() {
    List<DeviceProvider> providers = load();
    List<Probe> probes = new ArrayList<>();
    providers.forEach(provider -> probes.addAll(provider.probe()));
    if (providers.stream().noneMatch(provider -> provider.kind().equals(TORNADO))) {
      probes.add(new Probe(TORNADO, false, missing(), null, false));
    }
    return probes;
  }

  private static List<DeviceProvider> load() {
    try {
      return ServiceLoader.load(DeviceProvider.class).stream()
          .map(ServiceLoader.Provider::get)
          .toList();
    } catch (ServiceConfigurationError e) {
      throw new DeviceException(
          "A jar on the class path names a provider of devices that cannot be loaded: "
              + e.getMessage(),
          e);
    }
  }

  private static String missing() {
    return missing(System.getProperty(LAUNCHER_REASON), System.getenv("TORNADOVM_HOME"));
  }

  /** Why there is no provider of TornadoVM's devices, and what to do about it. */
  static String missing(String launcherReason, String home) {
    if (launcherReason != null) {
      return launcherReason;
    }
    if (home == null || home.isEmpty()) {
      return "TORNADOVM_HOME is not set: install TornadoVM's SDK for JDK 25 and set it to the"
          + " SDK's folder.";
    }
    return "TORNADOVM_HOME is set, but offramp-tornado is not on the class path: start with the"
        + " offramp launcher, which builds and adds it.";
  }
}
