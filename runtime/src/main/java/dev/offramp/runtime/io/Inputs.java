package dev.offramp.runtime.io;

import dev.offramp.models.Example;
import dev.offramp.models.ImageData;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Picture;
import dev.offramp.models.TextData;
import dev.offramp.models.WordPieceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Texts or images read from files and turned into what a model takes.
 *
 * @param labels of each input, null where it has none
 * @param rows token ids of each text, or pixels of each image
 * @param sources where each image was read; empty for texts
 */
public record Inputs(List<String> labels, List<int[]> rows, List<String> sources) {
  private static final int HEX_OF_LONG = 16;

  /**
   * Reads what the model takes.
   *
   * @throws InputException naming the file and the place in it, or a file that is named twice
   */
  public static Inputs read(List<Path> files, ModelDirectory model) {
    return model.config().takesTexts()
        ? texts(files, model)
        : images(files, model.config(), ImageData.OnBad.FAIL);
  }

  private static Inputs texts(List<Path> files, ModelDirectory model) {
    requireDistinct(files);
    List<Example> examples = TextData.read(files);
    WordPieceTokenizer tokenizer = model.tokenizer();
    int maxTokens = model.config().longestRow();
    return new Inputs(
        examples.stream().map(Example::label).toList(),
        examples.stream().map(example -> tokenizer.encode(example.text(), maxTokens)).toList(),
        List.of());
  }

  /** Reads images, each of which may be left out if it is bad. */
  public static Inputs images(List<Path> files, ModelConfig config, ImageData.OnBad onBad) {
    requireDistinct(files);
    List<Picture> pictures = ImageData.read(files, config, onBad);
    return new Inputs(
        pictures.stream().map(Picture::label).toList(),
        pictures.stream().map(Picture::pixels).toList(),
        pictures.stream().map(Picture::source).toList());
  }

  /**
   * That no sample is read twice: counted as two it would make a guarantee of half the evidence,
   * and lie on both sides of a split.
   */
  static void requireDistinct(List<Path> files) {
    Map<Path, Path> read = new HashMap<>();
    Map<Path, Path> above = new HashMap<>(); // folders that something read lies in
    for (Path file : files) {
      Path real;
      try {
        real = file.toRealPath();
      } catch (IOException e) {
        continue; // Whoever reads it says what is wrong.
      }
      Path other = above.get(real);
      for (Path path = real; path != null && other == null; path = path.getParent()) {
        other = read.get(path);
      }
      if (other != null) {
        throw InputException.in(
            file, null, "would be read twice, as %s is named too; name it once".formatted(other));
      }
      read.put(real, file);
      for (Path path = real.getParent(); path != null; path = path.getParent()) {
        above.putIfAbsent(path, file);
      }
    }
  }

  /** SHA-256 in hex of files that {@link #read} takes. */
  public static String hash(List<Path> files, ModelConfig config) {
    return config.takesTexts() ? TextData.hash(files) : ImageData.hash(files);
  }

  /** The inputs from one number up to another. */
  public Inputs range(int from, int to) {
    return pick(IntStream.range(from, to).boxed().toList());
  }

  private Inputs pick(List<Integer> numbers) {
    return new Inputs(
        of(labels, numbers), of(rows, numbers), sources.isEmpty() ? sources : of(sources, numbers));
  }

  /**
   * All inputs in a random order. Files are often sorted, by class for example, and what bets on
   * losses one by one (the {@code wsr} methods), or tests on some of the samples what it chose on
   * others, needs them in an order that has nothing to do with their losses.
   */
  public Inputs shuffled(RandomGenerator random) {
    List<Integer> order =
        IntStream.range(0, size()).boxed().collect(Collectors.toCollection(ArrayList::new));
    Collections.shuffle(order, random);
    return pick(order);
  }

  /**
   * A seed for an order of the samples, or for halves of them, that differs with the data. By the
   * same one for all data the same ranks of a sorted file would be taken each time: over the draw
   * of the samples, which a guarantee is about, nothing would be random.
   *
   * @param seed must not be chosen by what came of it
   * @param hash of the data, in hex, as {@link #hash} gives it
   */
  public static long seed(long seed, String hash) {
    return seed ^ Long.parseUnsignedLong(hash, 0, HEX_OF_LONG, 16);
  }

  private static <T> List<T> of(List<T> all, List<Integer> numbers) {
    return numbers.stream().map(all::get).toList();
  }

  /** Number of inputs. */
  public int size() {
    return rows.size();
  }

  /** The rows in batches of that many inputs; the last may be smaller. */
  public List<List<int[]>> batches(int size) {
    List<List<int[]>> batches = new ArrayList<>();
    for (int from = 0; from < size(); from += size) {
      batches.add(rows.subList(from, Math.min(from + size, size())));
    }
    return batches;
  }

  /** Length of the longest row. */
  public int longest() {
    return rows.stream().mapToInt(t -> t.length).max().orElse(1);
  }

  /** Whether every example has one of the model's labels. */
  public boolean labelledBy(ModelConfig config) {
    Set<String> known = new HashSet<>(config.labels());
    return labels.stream().allMatch(label -> label != null && known.contains(label));
  }

  /**
   * Class number of each example.
   *
   * @param files that were read, named in the error when a label is missing or not one of the
   *     model's
   * @throws InputException then
   */
  public int[] classes(ModelConfig config, List<Path> files) {
    Map<String, Integer> numbers = new HashMap<>();
    for (int c = 0; c < config.labels().size(); c++) {
      numbers.put(config.labels().get(c), c);
    }
    int[] classes = new int[size()];
    for (int i = 0; i < classes.length; i++) {
      String label = labels.get(i);
      if (label == null) {
        throw error(
            files,
            i,
            "there is no label; "
                + (sources.isEmpty()
                    ? "add a column named label"
                    : "put the images into folders named by their labels"));
      }
      Integer number = numbers.get(label);
      if (number == null) {
        throw error(
            files,
            i,
            "the label '%s' is not among the model's %d; see $.labels in its config.json"
                .formatted(label, config.labels().size()));
      }
      classes[i] = number;
    }
    return classes;
  }

  private InputException error(List<Path> files, int number, String problemAndRemedy) {
    return sources.isEmpty()
        ? TextData.error(files, number, problemAndRemedy)
        : InputException.in(null, sources.get(number), problemAndRemedy);
  }
}
