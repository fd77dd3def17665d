package dev.offramp.runtime.engine;

import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.Precision;
import dev.offramp.models.Exit;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A model on a device: the weights of its layers and exit heads, and where its stages end. Closing
 * it frees what it put on the device; the device stays open.
 */
public final class Network implements AutoCloseable {
  private final Scope owned = new Scope();
  private final Device device;
  private final ModelConfig config;
  private final Path path;
  private final List<Integer> cuts;
  private final Layers layers;
  private final List<ExitHead> heads = new ArrayList<>();

  /** An exit head on the device. */
  record ExitHead(Exit exit, Linear map, Confidence confidence) {}

  /**
   * Uploads a model whose stages end at its exits; one without exits is a single stage.
   *
   * @throws dev.offramp.kernels.DeviceException if the device has not enough memory
   */
  public static Network open(ModelDirectory model, Device device) {
    ModelConfig config = model.config();
    return new Network(
        model,
        device,
        config.exits().isEmpty()
            ? List.of(config.architecture().layers())
            : config.exits().stream().map(Exit::afterLayer).toList(),
        config.exits());
  }

  /**
   * As {@link #open}, with stages that end at other exits, whose heads need not exist yet.
   *
   * @param exits ascending in depth, the last one after the last layer to be run
   */
  static Network openAt(ModelDirectory model, Device device, List<Exit> exits) {
    return new Network(
        model, device, exits.stream().map(Exit::afterLayer).toList(), List.copyOf(exits));
  }

  /**
   * @param seen exits that rows are pooled for
   */
  private Network(ModelDirectory model, Device device, List<Integer> cuts, List<Exit> seen) {
    this.device = device;
    this.config = model.config();
    this.path = model.path();
    this.cuts = cuts;
    try (var failed = new Scope()) {
      failed.add(owned);
      layers = owned.add(Layers.open(device, model, seen));
      for (int e = 0; e < config.exits().size(); e++) {
        Exit exit = config.exits().get(e);
        heads.add(
            new ExitHead(
                exit,
                owned.add(Weights.head(device, model, e)),
                Confidence.valueOf(exit.head().confidence().toUpperCase(Locale.ROOT))));
      }
      failed.release();
    }
  }

  public Device device() {
    return device;
  }

  public ModelConfig config() {
    return config;
  }

  /** Number of stages, which is the number of exits for a model that has exit heads. */
  public int stages() {
    return cuts.size();
  }

  List<Integer> cuts() {
    return cuts;
  }

  Layers layers() {
    return layers;
  }

  ExitHead head(int exit) {
    return heads.get(exit);
  }

  /**
   * @throws IllegalStateException if the model has no exit heads
   */
  void requireHeads() {
    if (heads.isEmpty()) {
      throw new IllegalStateException(
          "model " + config.name() + " has no exit heads; make some with 'offramp attach'");
    }
  }

  /**
   * What there is to say where a model computes no number. Nothing may be concluded from such
   * samples: the full model's answer is then class 0, and so is every exit's, which agree.
   *
   * @param stage at whose end it was seen
   * @param sample number of the sample
   */
  public InputException noNumber(int stage, int sample) {
    Precision precision = device.info().precision();
    return InputException.in(
        path,
        "layer " + cuts.get(stage),
        "computes no number (NaN) for sample %d in %s; its weights are damaged or too large: %s"
            .formatted(
                sample,
                precision,
                precision == Precision.F16
                    ? "use --precision f32, or import or train the model again"
                    : "import or train the model again"));
  }

  @Override
  public void close() {
    owned.close();
  }
}
