package dev.offramp.kernels.selftest;

import static java.util.Objects.requireNonNull;

import dev.offramp.kernels.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Every operation of a device on random data at odd sizes, against plain loops in double precision
 * given the same numbers. Live rows are scrambled, inputs hold NaN wherever nobody may look,
 * outputs are poisoned beforehand, and rows that are not live must come out as they were. Products
 * are made by every kernel that could be chosen. Then the device against itself: a row's values
 * must not depend on the rows beside it.
 */
public final class SelfTest {
  static final List<Case> CASES = cases();

  private SelfTest() {}

  /**
   * What one case showed.
   *
   * @param operation operation of {@link Device}, or what is tested of all of them
   * @param shape sizes and variant
   * @param error largest error relative to max(1, |expected|); infinite for NaN in the wrong place,
   *     a wrong row number or an exception
   * @param tolerance error that is allowed
   * @param message what was wrong, or an empty text
   */
  public record Result(
      String operation,
      String shape,
      double error,
      double tolerance,
      boolean passed,
      String message) {}

  /** Number of cases. */
  public static int size() {
    return CASES.size();
  }

  /**
   * Runs all cases. A case that fails, by its numbers or by an exception, does not keep the others
   * from running.
   *
   * @param device open and idle; stays open
   * @param seed the same seed gives the same data
   * @param done told each result at once
   * @return a result for each case, in their order
   */
  public static List<Result> run(Device device, long seed, Consumer<Result> done) {
    requireNonNull(device, "device is null");
    requireNonNull(done, "done is null");
    List<Result> results = new ArrayList<>();
    for (Case one : CASES) {
      Result result = one.run(device, seed);
      results.add(result);
      done.accept(result);
    }
    return List.copyOf(results);
  }

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    cases.addAll(CopyCases.all());
    cases.addAll(GemmCases.all());
    cases.addAll(TileCases.all());
    cases.addAll(LayerCases.all());
    cases.addAll(ConvolutionCases.all());
    cases.addAll(ImageCases.all());
    cases.addAll(ExitCases.all());
    cases.addAll(RecordingCases.all());
    cases.addAll(ImageRecordingCases.all());
    cases.addAll(IndependenceCases.all());
    return List.copyOf(cases);
  }
}
