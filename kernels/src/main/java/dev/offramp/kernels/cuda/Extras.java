package dev.offramp.kernels.cuda;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Products;
import java.util.ArrayList;
import java.util.List;

/**
 * What only newer devices have, where a system property asks for it. Both need NVRTC: the PTX that
 * is kept runs on older devices too.
 *
 * @param warpgroups matrix products of four warps
 * @param overlap whether a kernel may start while the one before it still runs
 * @param note what is asked for and cannot be had, or an empty text
 */
record Extras(boolean warpgroups, boolean overlap, String note) {
  private static final String OVERLAP_PROPERTY = "offramp.cuda.overlap";
  private static final int WARPGROUPS = 90;
  private static final int OLDEST_OVERLAP = 90;

  /** The first driver whose graphs keep that kernels may overlap. */
  private static final int OLDEST_DRIVER = 12030;

  /** The first NVRTC that compiles for devices of 9.0 with all they have. */
  private static final int OLDEST_NVRTC = 12;

  /**
   * What a device of that compute capability, times ten, has of what is asked for.
   *
   * @throws DeviceException if a property has a value that means nothing
   */
  static Extras of(Libraries libraries, int capability, Precision precision) {
    boolean compiler = libraries.nvrtc() != null && libraries.nvrtc().major() >= OLDEST_NVRTC;
    List<String> notes = new ArrayList<>();
    boolean groupsWanted = Products.asked() == Products.WARPGROUP;
    boolean groups =
        groupsWanted && precision == Precision.F16 && capability == WARPGROUPS && compiler;
    if (groupsWanted && !groups) {
      notes.add(
          "Products by warp groups need F16, compute capability 9.0 and NVRTC 12 or later: they are"
              + " left out.");
    }
    boolean overlapWanted = overlapAsked();
    boolean overlap =
        overlapWanted
            && capability >= OLDEST_OVERLAP
            && compiler
            && libraries.driverVersion() >= OLDEST_DRIVER;
    if (overlapWanted && !overlap) {
      notes.add(
          "Overlapping kernels need compute capability 9.0, NVRTC 12 and a driver for CUDA 12.3 or"
              + " later: they run one after the other.");
    }
    return new Extras(groups, overlap, String.join(" ", notes));
  }

  private static boolean overlapAsked() {
    String value = System.getProperty(OVERLAP_PROPERTY, "false");
    if (!value.equals("true") && !value.equals("false")) {
      throw new DeviceException(
          "The system property %s is '%s'; it may be true or false"
              .formatted(OVERLAP_PROPERTY, value));
    }
    return value.equals("true");
  }

  /** Of what is there, as a device's description goes on. */
  String description() {
    return (warpgroups ? ", warp groups" : "") + (overlap ? ", overlapping" : "");
  }
}
