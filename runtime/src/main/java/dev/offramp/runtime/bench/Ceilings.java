package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import dev.offramp.kernels.Precision;
import dev.offramp.models.Architecture;
import dev.offramp.models.BertArchitecture;
import java.util.Locale;

/**
 * What a device does at best, measured in the same run.
 *
 * @param measured as {@link PyTorchMode#ceilings} says
 * @param precision of the modes that are compared with it
 */
public record Ceilings(JsonObject measured, Precision precision) {
  /** Null where nothing was measured. */
  public static Ceilings of(JsonObject measured, Precision precision) {
    return measured == null ? null : new Ceilings(measured, precision);
  }

  /** Share of the rate of large matrix products at this precision, or null where it has none. */
  public Double shareOfProduct(double gflops) {
    String field = precision.name().toLowerCase(Locale.ROOT) + "Tflops";
    return measured.has(field) ? gflops / (1e3 * measured.get(field).getAsDouble()) : null;
  }

  /**
   * Share of the copy bandwidth that reading every weight of the layers once a batch takes. It
   * bounds small batches; above 1 the weights stay in a cache.
   *
   * @param batchesPerSecond at full depth
   * @return null for image models, which reuse their few weights at every pixel
   */
  public Double shareOfCopy(Architecture architecture, double batchesPerSecond) {
    if (!(architecture instanceof BertArchitecture a)) {
      return null;
    }
    long matrices =
        4L * a.hiddenSize() * a.hiddenSize() + 2L * a.hiddenSize() * a.intermediateSize();
    double bytes = (double) a.layers() * matrices * precision.activations().bytes();
    double copied = PyTorchMode.field(measured, "copyGigabytesPerSecond").getAsDouble();
    return bytes * batchesPerSecond / (1e9 * copied);
  }
}
