package dev.offramp.runtime.validate;

import dev.offramp.models.InputException;
import dev.offramp.runtime.io.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A division of the samples into a calibration and a test set.
 *
 * @param trial its number
 * @param calibration distinct sample numbers in their order of arrival
 * @param test all other samples, ascending; at least one
 */
public record Split(int trial, int[] calibration, int[] test) {

  private static Split of(int trial, int[] calibration, int samples) {
    BitSet taken = new BitSet(samples);
    Arrays.stream(calibration).forEach(taken::set);
    int[] test = IntStream.range(0, samples).filter(i -> !taken.get(i)).toArray();
    return new Split(trial, calibration, test);
  }

  /**
   * Independent random splits.
   *
   * @param samples n, number of samples
   * @param size calibration samples of each split, in [1, n - 1]
   * @param seed the same seed gives the same splits
   */
  public static List<Split> random(int samples, int size, int trials, long seed) {
    if (size < 1 || size >= samples) {
      throw InputException.in(
          null,
          "--calibration-size " + size,
          "must be in [1, %d]: there are %d samples, and the test set needs at least one"
              .formatted(samples - 1, samples));
    }
    if (trials < 1) {
      throw InputException.in(null, "--trials " + trials, "must be at least 1");
    }
    SplittableRandom random = new SplittableRandom(seed);
    List<Integer> order = IntStream.range(0, samples).boxed().collect(Collectors.toList());
    List<Split> splits = new ArrayList<>();
    for (int trial = 0; trial < trials; trial++) {
      Collections.shuffle(order, random);
      int[] calibration = order.stream().limit(size).mapToInt(Integer::intValue).toArray();
      splits.add(of(trial, calibration, samples));
    }
    return splits;
  }

  /**
   * Reads splits: a line {@code trial,id0,id1,…} each. A first line that starts with the word trial
   * is a header.
   *
   * @param samples n, number of samples; ids are in [0, n)
   * @throws InputException if a line is no split, an id is out of range or repeated, a trial is
   *     repeated, or the lines differ in length
   */
  public static List<Split> read(Path file, int samples) {
    List<String> lines = TextFile.lines(file);
    List<Split> splits = new ArrayList<>();
    Set<Integer> trials = new HashSet<>();
    boolean headed = !lines.isEmpty() && lines.getFirst().strip().startsWith("trial");
    for (int i = headed ? 1 : 0; i < lines.size(); i++) {
      String field = "line " + (i + 1);
      if (lines.get(i).isBlank()) {
        continue;
      }
      int[] numbers = integers(file, field, lines.get(i));
      int[] ids = Arrays.copyOfRange(numbers, 1, numbers.length);
      check(file, field, ids, samples);
      if (!trials.add(numbers[0])) {
        throw InputException.in(
            file, field, "trial " + numbers[0] + " is there twice; number each once");
      }
      if (!splits.isEmpty() && splits.getFirst().calibration().length != ids.length) {
        throw InputException.in(
            file,
            field,
            "%d samples instead of %d; give every trial the same number"
                .formatted(ids.length, splits.getFirst().calibration().length));
      }
      splits.add(of(numbers[0], ids, samples));
    }
    if (splits.isEmpty()) {
      throw InputException.in(file, null, "holds no split; give lines of trial,id0,id1,…");
    }
    return splits;
  }

  private static int[] integers(Path file, String field, String line) {
    try {
      return Arrays.stream(line.split(",", -1))
          .mapToInt(cell -> Integer.parseInt(cell.strip()))
          .toArray();
    } catch (NumberFormatException e) {
      throw InputException.in(
          file, field, "not a list of whole numbers; give trial,id0,id1,… separated by commas");
    }
  }

  private static void check(Path file, String field, int[] ids, int samples) {
    if (ids.length == 0 || ids.length >= samples) {
      throw InputException.in(
          file,
          field,
          "%d calibration samples of %d; give at least 1 and leave at least 1 for the test"
              .formatted(ids.length, samples));
    }
    BitSet seen = new BitSet(samples);
    for (int id : ids) {
      if (id < 0 || id >= samples) {
        throw InputException.in(file, field, "sample %d is not in [0, %d)".formatted(id, samples));
      }
      if (seen.get(id)) {
        throw InputException.in(file, field, "sample " + id + " is there twice; name it once");
      }
      seen.set(id);
    }
  }
}
