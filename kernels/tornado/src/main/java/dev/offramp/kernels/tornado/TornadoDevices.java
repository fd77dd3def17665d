package dev.offramp.kernels.tornado;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.DeviceProvider;
import dev.offramp.kernels.Probe;
import java.util.List;

/**
 * TornadoVM's devices, numbered over all its backends in TornadoVM's own order. Uses none of its
 * classes itself, so that it can be loaded, and say what is wrong, where they cannot.
 */
public final class TornadoDevices implements DeviceProvider {
  static final String KIND = "tornado";

  /** Colours and a level, which TornadoVM puts into the messages of its exceptions. */
  static final String DECORATION = "\\u001b\\[[0-9;]*m|\\[(?:ERROR|WARNING)] ";

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public List<Probe> probe() {
    try {
      return Survey.probes();
    } catch (DeviceException e) {
      return List.of(new Probe(KIND, false, e.getMessage(), null, false));
    } catch (RuntimeException | LinkageError e) {
      return List.of(new Probe(KIND, false, problem(e), null, false));
    }
  }

  @Override
  public Device open(int number, DeviceOptions options) {
    try {
      return Survey.open(number, options);
    } catch (LinkageError e) {
      throw new DeviceException("tornado:" + number + ": " + problem(e), e);
    }
  }

  /**
   * Why TornadoVM's runtime did not start. The reason lies beneath errors of initialization and
   * reflection, whose own messages say little.
   */
  static String problem(Throwable e) {
    if (System.getProperty("tornado.load.runtime.implementation") == null) {
      return "This JVM was started without TornadoVM: start with the offramp launcher, or add"
          + " @$TORNADOVM_HOME/tornado-argfile to the java command.";
    }
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String said = String.valueOf(cause.getMessage()).replaceAll(DECORATION, "");
    return "TornadoVM does not start on Java %s: %s: %s"
        .formatted(
            System.getProperty("java.version"),
            cause.getClass().getSimpleName(),
            said.endsWith(".") ? said : said + ".");
  }
}
