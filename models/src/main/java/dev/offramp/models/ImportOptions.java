package dev.offramp.models;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How to import a model.
 *
 * @param adapter an adapter file to merge into the weights
 * @param tokenizer the tokenizer.json, where it does not lie beside the weights
 * @param name what to call the model; by default the adapter's name or the source's
 * @param maxTokens longest input; by default the adapter's, or {@link #DEFAULT_MAX_TOKENS}
 * @param overwrite whether to replace a model directory already there
 * @param images for convolutional networks
 * @param progress told of each step as it starts
 */
public record ImportOptions(
    Optional<Path> adapter,
    Optional<Path> tokenizer,
    Optional<String> name,
    OptionalInt maxTokens,
    boolean overwrite,
    ImageOptions images,
    Progress progress) {
  public static final int DEFAULT_MAX_TOKENS = 128;

  /** Told of each step as it starts. */
  @FunctionalInterface
  public interface Progress {
    /**
     * @param step what is being done, for a person to read
     * @param number the step's number, from 1
     * @param of the number of steps
     */
    void step(String step, int number, int of);

    /**
     * Told what was taken another way than the source says, or for want of a file.
     *
     * @param text for a person to read
     */
    default void note(String text) {}
  }

  public static ImportOptions defaults() {
    return new ImportOptions(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        false,
        ImageOptions.defaults(),
        (step, number, of) -> {});
  }

  public ImportOptions withAdapter(Path file) {
    return new ImportOptions(
        Optional.of(file), tokenizer, name, maxTokens, overwrite, images, progress);
  }

  public ImportOptions withName(String value) {
    return new ImportOptions(
        adapter, tokenizer, Optional.of(value), maxTokens, overwrite, images, progress);
  }

  public ImportOptions withMaxTokens(int value) {
    return new ImportOptions(
        adapter, tokenizer, name, OptionalInt.of(value), overwrite, images, progress);
  }

  public ImportOptions withOverwrite(boolean value) {
    return new ImportOptions(adapter, tokenizer, name, maxTokens, value, images, progress);
  }

  public ImportOptions withProgress(Progress value) {
    return new ImportOptions(adapter, tokenizer, name, maxTokens, overwrite, images, value);
  }

  public ImportOptions withImages(ImageOptions value) {
    return new ImportOptions(adapter, tokenizer, name, maxTokens, overwrite, value, progress);
  }
}
