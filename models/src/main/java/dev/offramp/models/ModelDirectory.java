package dev.offramp.models;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A validated model directory: config.json, model.safetensors (memory-mapped) and, for texts,
 * tokenizer.json. The tensors live until {@link #close}.
 */
public final class ModelDirectory implements AutoCloseable {
  public static final String CONFIG = "config.json";
  public static final String WEIGHTS = "model.safetensors";
  public static final String TOKENIZER = "tokenizer.json";
  public static final String CERTIFICATE = "certificate.json";

  /** What every model has; one for texts has a tokenizer too. */
  private static final List<String> ALWAYS = List.of(CONFIG, WEIGHTS);

  private static final Set<String> KNOWN = Set.of(CONFIG, WEIGHTS, TOKENIZER, CERTIFICATE);

  private final Path path;
  private final Arena arena;
  private final ModelConfig config;
  private final SequencedMap<String, Tensor> tensors;
  private final WordPieceTokenizer tokenizer;
  private final SequencedMap<String, MemorySegment> contents;
  private String hash;

  private ModelDirectory(
      Path path,
      Arena arena,
      ModelConfig config,
      SequencedMap<String, Tensor> tensors,
      WordPieceTokenizer tokenizer,
      SequencedMap<String, MemorySegment> contents) {
    this.path = path;
    this.arena = arena;
    this.config = config;
    this.tensors = tensors;
    this.tokenizer = tokenizer;
    this.contents = contents;
  }

  /**
   * Opens and validates everything: the config, that exactly the tensors it asks for are there with
   * their shapes, float types and finite values, and that the tokenizer's tokens have embeddings.
   *
   * @throws InputException naming the file, the field or tensor, and the remedy
   */
  public static ModelDirectory open(Path path) {
    if (!Files.isDirectory(path)) {
      throw InputException.in(path, null, "is not a directory; name a model directory");
    }
    ALWAYS.forEach(name -> require(path, name));
    // What the hash is of is kept: the files may be others by the time that it is asked for.
    SequencedMap<String, MemorySegment> contents = new LinkedHashMap<>();
    Path configFile = path.resolve(CONFIG);
    byte[] configBytes = Disk.readBytes(configFile, ModelConfig.MAX_BYTES);
    contents.put(CONFIG, MemorySegment.ofArray(configBytes));
    ModelConfig config = ModelConfig.parse(configFile, Disk.text(configFile, configBytes));
    if (config.takesTexts()) {
      require(path, TOKENIZER);
    }
    Arena arena = Arena.ofShared();
    try {
      Path weights = path.resolve(WEIGHTS);
      MemorySegment mapped = Disk.map(weights, arena);
      contents.put(WEIGHTS, mapped);
      SequencedMap<String, Tensor> tensors = SafetensorsHeader.read(weights, mapped).tensors();
      checkTensors(weights, config, tensors);
      WordPieceTokenizer tokenizer = null;
      if (config.architecture() instanceof BertArchitecture bert) {
        Path file = path.resolve(TOKENIZER);
        byte[] bytes = Disk.readBytes(file, TokenizerJson.MAX_BYTES);
        contents.put(TOKENIZER, MemorySegment.ofArray(bytes));
        tokenizer = WordPieceTokenizer.parse(file, Disk.text(file, bytes));
        checkTokenizer(file, bert, tokenizer);
      }
      return new ModelDirectory(path, arena, config, tensors, tokenizer, contents);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  public ModelConfig config() {
    return config;
  }

  /**
   * @throws IllegalArgumentException if the model has no such tensor
   */
  public Tensor tensor(String name) {
    return Optional.ofNullable(tensors.get(name))
        .orElseThrow(() -> new IllegalArgumentException("no tensor " + name + " in " + path));
  }

  /** All tensors by name. */
  public SequencedMap<String, Tensor> tensors() {
    return tensors;
  }

  /**
   * @throws IllegalStateException if the model takes images
   */
  public WordPieceTokenizer tokenizer() {
    if (tokenizer == null) {
      throw new IllegalStateException(path + " is a model for images, which has no tokenizer");
    }
    return tokenizer;
  }

  public Path path() {
    return path;
  }

  /**
   * SHA-256 in hex over names, lengths and contents of config, weights and, for texts, tokenizer,
   * as they were when this was opened, whatever files have taken their place since. A certificate
   * is about these and not part of them.
   *
   * @throws IllegalStateException if this was closed before it was asked for first
   */
  public synchronized String hash() {
    if (hash == null) {
      MessageDigest digest = Disk.sha256();
      contents.forEach((name, bytes) -> Disk.digest(digest, name, bytes));
      contents.clear();
      hash = HexFormat.of().formatHex(digest.digest());
    }
    return hash;
  }

  /** Unmaps the weights; tensors must not be used afterwards. */
  @Override
  public void close() {
    arena.close();
  }

  /**
   * Writes a model directory in one step: it is built beside its place and then moved there.
   *
   * @param tokenizerJson contents of tokenizer.json; null for a model that takes images
   * @param overwrite whether a model directory already there may be replaced, its certificate
   *     included; anything else in the way is refused
   * @throws InputException if something is in the way, or config and tensors do not fit together
   */
  public static void write(
      Path out,
      ModelConfig config,
      SequencedMap<String, Tensor> tensors,
      byte[] tokenizerJson,
      boolean overwrite) {
    if (config.takesTexts() != (tokenizerJson != null)) {
      throw new IllegalArgumentException("a tokenizer goes with a model for texts, and no other");
    }
    checkTarget(out, overwrite);
    ModelConfigCheck.check(config, out.resolve(CONFIG));
    checkTensors(out.resolve(WEIGHTS), config, tensors);
    Disk.replaceDirectory(
        out,
        directory -> {
          Files.writeString(directory.resolve(CONFIG), config.toJson());
          Safetensors.writeTo(directory.resolve(WEIGHTS), tensors, Map.of("format", "pt"));
          if (tokenizerJson != null) {
            Files.write(directory.resolve(TOKENIZER), tokenizerJson);
          }
        });
  }

  private static void require(Path path, String name) {
    if (!Files.exists(path.resolve(name))) {
      throw InputException.in(
          path,
          name,
          "missing, so this is not a model directory; make one with `offramp import SOURCE --out"
              + " DIR`");
    }
  }

  /** Fails early, before long work, if {@link #write} would refuse to write there. */
  public static void checkTarget(Path out, boolean overwrite) {
    if (!Files.exists(out)) {
      return;
    }
    if (!Files.isDirectory(out)) {
      throw InputException.in(out, null, "is a file; name a directory that does not exist yet");
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(out)) {
      boolean empty = true;
      for (Path file : files) {
        empty = false;
        if (!KNOWN.contains(file.getFileName().toString()) || !Files.isRegularFile(file)) {
          throw InputException.in(
              out,
              file.getFileName().toString(),
              "is not part of a model and would be lost; name another directory");
        }
      }
      if (!empty && !overwrite) {
        throw InputException.in(
            out, null, "already holds a model; pass --overwrite or name another directory");
      }
      if (!empty) {
        requireOwn(out);
      }
    } catch (IOException e) {
      throw Disk.unreadable(out, e);
    }
  }

  /** Models of other programs have files of the same names. What is damaged may be replaced. */
  private static void requireOwn(Path out) {
    Path config = out.resolve(CONFIG);
    if (!Files.exists(config)
        || !Disk.readText(config, ModelConfig.MAX_BYTES).contains("\"family\"")) {
      throw InputException.in(
          out,
          CONFIG,
          "is not that of an Offramp model, which alone is replaced; name another directory");
    }
  }

  static void checkTensors(Path file, ModelConfig config, SequencedMap<String, Tensor> tensors) {
    SequencedMap<String, List<Long>> shapes = ModelTensors.all(config);
    shapes.forEach((name, shape) -> {
      Tensor tensor = tensors.get(name);
      if (tensor == null) {
        throw InputException.in(
            file, name, "missing although config.json needs it; import the model again");
      }
      if (!tensor.shape().equals(shape)) {
        throw InputException.in(
            file,
            name,
            "has shape "
                + tensor.shape()
                + " where config.json needs "
                + shape
                + "; import the model again");
      }
      if (!tensor.type().isFloat()) {
        throw InputException.in(
            file, name, "is " + tensor.type() + "; store weights as F32, F16 or BF16");
      }
    });
    for (String name : tensors.keySet()) {
      if (!shapes.containsKey(name)) {
        throw InputException.in(
            file, name, "is not a tensor of this model; remove it or correct config.json");
      }
    }
    tensors.entrySet().stream()
        .parallel()
        .filter(entry -> !entry.getValue().isFinite())
        .findFirst()
        .ifPresent(entry -> {
          throw InputException.in(
              file,
              entry.getKey(),
              "holds NaN or infinite values; restore the file or train the model again");
        });
  }

  static void checkTokenizer(
      Path file, BertArchitecture architecture, WordPieceTokenizer tokenizer) {
    int rows = architecture.vocabSize();
    if (tokenizer.vocabSize() > rows) {
      throw InputException.in(
          file,
          "$.model.vocab and $.added_tokens",
          "have ids up to "
              + (tokenizer.vocabSize() - 1)
              + " but config.json says vocabSize "
              + rows
              + "; use the tokenizer that belongs to the weights");
    }
  }
}
