package dev.offramp.kernels.jvm;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;

/**
 * Fused multiply-add where it is an instruction. Where it is not (x86 before 2013, virtual machines
 * that hide it), {@link Math#fma} and the Vector API's compute it with BigDecimal, a thousand times
 * slower: a model would seem to hang.
 */
final class Fma {
  /** Asked once: a compiled loop has one of the two ways only. */
  static final boolean PRESENT = present();

  private Fma() {}

  /** x y + z, rounded twice where there is no instruction for it. */
  static float of(float x, float y, float z) {
    return PRESENT ? Math.fma(x, y, z) : x * y + z;
  }

  private static boolean present() {
    try {
      return Boolean.parseBoolean(
          ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
              .getVMOption("UseFMA")
              .getValue());
    } catch (RuntimeException | LinkageError e) {
      return true; // Another JVM than HotSpot, or one without that module, does not tell.
    }
  }
}
