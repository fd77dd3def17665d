package dev.offramp.models;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.SequencedMap;

/** Reads a residual network from a safetensors file, whatever its layout. */
final class ResnetImporter {
  private static final String FORMAT = "format";

  /** Metadata of a file whose tensors are named as in a model directory. */
  private static final String OWN_FORMAT = "offramp-resnet";

  private ResnetImporter() {}

  /**
   * A network and what is known of it.
   *
   * @param tensors under the names of {@link ResnetTensors}
   */
  record Network(ModelConfig config, SequencedMap<String, Tensor> tensors) {}

  static boolean recognises(Safetensors contents) {
    return isOwn(contents) || ResnetNames.of(contents).isPresent();
  }

  private static boolean isOwn(Safetensors contents) {
    return OWN_FORMAT.equals(contents.metadata().get(FORMAT));
  }

  /**
   * @throws InputException if a tensor is missing, too many or of the wrong shape, or the options
   *     do not fit the network
   */
  static Network read(Path file, Safetensors contents, ImportOptions options, Arena arena) {
    if (!isOwn(contents)) {
      return new ResnetForeignLayout(file, contents, options, arena).read();
    }
    options
        .images()
        .given()
        .forEach(option -> {
          throw InputException.in(file, option, "is said by the file itself; leave it out");
        });
    String fileName = file.getFileName().toString();
    ModelConfig config =
        new ModelConfig(
            ModelConfig.FORMAT,
            ModelConfig.RESNET,
            options
                .name()
                .orElseGet(
                    () -> contents.metadata().getOrDefault("name", Importer.usualName(file))),
            ResnetArchitecture.of(contents.json(file, "architecture")),
            ImagePreprocessing.of(contents.json(file, "preprocessing")),
            contents.json(file, "labels").list().stream().map(Json::string).toList(),
            Exit.listOf(contents.json(file, "exits")),
            fileName);
    ModelConfigCheck.check(config, file);
    ModelDirectory.checkTensors(file, config, contents.tensors());
    return new Network(config, contents.tensors());
  }
}
