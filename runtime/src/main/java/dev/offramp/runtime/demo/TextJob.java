package dev.offramp.runtime.demo;

import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Safetensors;
import dev.offramp.models.TextData;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import dev.offramp.runtime.io.MavenFetch;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** Names the kind of library that a sentence of documentation is about. */
public final class TextJob implements DemoJob {
  /** The demo's sentences have up to 40 words; the 48 tokens of training would cut some of them. */
  private static final int MAX_TOKENS = 64;

  private Path sources;

  @Override
  public String folder() {
    return "demo";
  }

  @Override
  public String bundled() {
    return "doc-domains.safetensors";
  }

  @Override
  public String copy() {
    return "exits.safetensors";
  }

  @Override
  public void fetch() throws IOException {
    sources = DemoInput.fetch();
  }

  @Override
  public void importModel(Path adapter, Path model) {
    MavenArtifact backbone;
    try (Arena arena = Arena.ofConfined()) {
      backbone = MavenArtifact.parse(Safetensors.open(adapter, arena).metadata().get("backbone"));
    }
    Path jar = MavenFetch.jar(backbone);
    Console.say("importing %s and merging the trained exits", backbone);
    Importer.importJar(
        backbone,
        jar,
        model,
        ImportOptions.defaults()
            .withAdapter(adapter)
            .withMaxTokens(MAX_TOKENS)
            .withOverwrite(true));
  }

  @Override
  public Data data(ModelDirectory model, Path folder) throws IOException {
    DemoInput input = DemoInput.prepare(sources, folder);
    List<Path> calibration = List.of(input.calibration());
    return new Data(
        "sentences",
        "name the kind of library that a sentence of documentation is about",
        Inputs.read(calibration, model),
        TextData.hash(calibration),
        Inputs.read(List.of(input.test()), model),
        input.test(),
        "--input " + Console.argument(input.test()));
  }
}
