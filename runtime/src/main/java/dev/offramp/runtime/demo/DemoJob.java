package dev.offramp.runtime.demo;

import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A job that the demo can show: bundled weights, and real input that they are made for. */
public sealed interface DemoJob permits TextJob, VisionJob {
  /**
   * What the model is calibrated and measured on.
   *
   * @param noun what is classified, in the plural
   * @param question what is asked of it
   * @param calibrationHash of the files that the calibration samples are from
   * @param test data for measuring alone
   * @param source of the test data, for messages
   * @param again arguments of a command that runs the model on this data
   */
  record Data(
      String noun,
      String question,
      Inputs calibration,
      String calibrationHash,
      Inputs test,
      Path source,
      String again) {}

  /** Name of the job's folder. */
  String folder();

  /** Name of the bundled weights in the models jar. */
  String bundled();

  /** File name of a copy of them in the folder; that it is there marks the folder as the job's. */
  String copy();

  /** Fetches what is not there yet. */
  void fetch() throws IOException;

  /** Makes the model directory. */
  void importModel(Path weights, Path model);

  /** Reads the data of the job. */
  Data data(ModelDirectory model, Path folder) throws IOException;

  /** Puts the weights into the folder, before anything else. */
  default Path writeWeights(Path folder) throws IOException {
    Path weights = Files.createDirectories(folder).resolve(copy());
    try (InputStream bundled = ModelDirectory.class.getResourceAsStream(bundled())) {
      if (bundled == null) {
        throw new IllegalStateException("the models jar lacks " + bundled());
      }
      Files.copy(bundled, weights, StandardCopyOption.REPLACE_EXISTING);
    }
    return weights;
  }

  /**
   * @throws InputException if the folder holds something else than a former run of this job
   */
  default void checkFolder(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      throw InputException.in(folder, null, "is a file; name a folder with --out");
    }
    try (var files = Files.list(folder)) {
      var names = files.map(file -> file.getFileName().toString()).toList();
      if (!names.isEmpty() && !names.contains(copy())) {
        throw InputException.in(
            folder,
            names.getFirst(),
            "is not of a former demo, whose files are replaced; name an empty or new folder with"
                + " --out");
      }
    }
  }
}
