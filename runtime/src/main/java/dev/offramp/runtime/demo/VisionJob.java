package dev.offramp.runtime.demo;

import dev.offramp.models.ImageData;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/** Names what is on a picture of 32x32 pixels: CIFAR-10's test images. */
public final class VisionJob implements DemoJob {
  /** A fifth calibrates, the rest measures. */
  private static final int PARTS = 5;

  /** With fewer, even no error at all on those that calibrate would say next to nothing. */
  private static final int LEAST_IMAGES = 50;

  private static final long SEED = 1;

  private List<Path> data;

  /**
   * @param data labelled images named by the user, or empty for CIFAR-10's test images
   */
  public VisionJob(List<Path> data) {
    this.data = List.copyOf(data);
  }

  @Override
  public String folder() {
    return "demo-vision";
  }

  @Override
  public String bundled() {
    return "cifar-exits.safetensors";
  }

  @Override
  public String copy() {
    return bundled();
  }

  @Override
  public void fetch() throws IOException {
    if (data.isEmpty()) {
      Path images = Cache.directory().resolve("cifar10").resolve("test_batch.bin");
      if (!Files.exists(images)) {
        CifarFetch.testImages(images);
      }
      data = List.of(images);
    }
  }

  @Override
  public void importModel(Path weights, Path model) {
    Importer.importModel(weights.toString(), model, ImportOptions.defaults().withOverwrite(true));
  }

  @Override
  public Data data(ModelDirectory model, Path folder) {
    Inputs all = Inputs.read(data, model);
    if (!all.labelledBy(model.config())) {
      throw InputException.in(
          data.getFirst(),
          "label",
          "there are images whose label is not one of %s; put them into folders of these names"
              .formatted(String.join(", ", model.config().labels())));
    }
    if (all.size() < LEAST_IMAGES) {
      throw InputException.in(
          null,
          "--data",
          "%d images are too few; name at least %d".formatted(all.size(), LEAST_IMAGES));
    }
    // Folders come class by class: who calibrates and who tests is drawn.
    Inputs drawn = all.shuffled(new Random(SEED));
    int calibration = all.size() / PARTS;
    Console.say(
        "%,d images: %,d calibrate, %,d measure",
        all.size(), calibration, all.size() - calibration);
    return new Data(
        "images",
        "name what is on a picture of 32x32 pixels",
        drawn.range(0, calibration),
        ImageData.hash(data),
        drawn.range(calibration, all.size()),
        data.getFirst(),
        "--input " + data.stream().map(Console::argument).collect(Collectors.joining(" ")));
  }
}
