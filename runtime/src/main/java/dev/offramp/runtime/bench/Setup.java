package dev.offramp.runtime.bench;

import dev.offramp.kernels.Device;
import dev.offramp.models.ModelDirectory;
import java.util.List;
import java.util.Set;

/**
 * What a bench measures.
 *
 * @param processor whether the device is the machine's processor
 * @param others devices beside it
 * @param thresholds of the modes with exits, shape [exits before the last], or null for none
 * @param modes names of this runtime's modes to be timed
 * @param peers opened, in the order of the table
 * @param workload rows to run
 * @param ceilings of PyTorch's device, or null where they were not measured
 * @param peakGflops of the device, measured
 * @param rounds in which every mode has its turn
 */
public record Setup(
    ModelDirectory model,
    Device device,
    boolean processor,
    List<Device> others,
    double[] thresholds,
    Set<String> modes,
    List<Mode> peers,
    Workload workload,
    Ceilings ceilings,
    double peakGflops,
    int rounds) {
  /**
   * Layers that a row of a mode runs through, in the mean.
   *
   * @param depth what was counted of a mode with exits, null for one without
   */
  double meanLayers(Workload.Depth depth) {
    return depth == null ? model.config().architecture().layers() : depth.meanLayers();
  }
}
