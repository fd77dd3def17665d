package dev.offramp.runtime.bench;

import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Flops;
import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rows of token ids to be timed. */
public record Workload(List<int[]> rows) {
  /** Samples a pass at most, and what smaller batches are rounded to. */
  private static final int MOST_SAMPLES = 1024;

  private static final int LEAST_SAMPLES = 128;
  private static final int BATCHES = 16;

  /**
   * Work per sample of a set of batches at a threshold.
   *
   * @param meanLayers layers a sample ran through
   * @param flopsPerSample operations a sample took, heads it passed included
   * @param running rows of each batch that ran on after each exit, shape [exits][batches]
   */
  public record Depth(double meanLayers, double flopsPerSample, double[][] running) {}

  /**
   * Rows of exactly that many tokens, cut from the texts written one after the other.
   *
   * @param length [CLS], at least one token, [SEP]
   * @throws InputException if the texts are too short for one row
   */
  public static Workload ofLength(List<int[]> texts, int length) {
    int first = texts.getFirst()[0];
    int last = texts.getFirst()[texts.getFirst().length - 1];
    List<Integer> stream = new ArrayList<>();
    for (int[] text : texts) {
      for (int i = 1; i < text.length - 1; i++) {
        stream.add(text[i]);
      }
    }
    List<int[]> rows = new ArrayList<>();
    int body = length - 2;
    for (int from = 0; from + body <= stream.size(); from += body) {
      int[] row = new int[length];
      row[0] = first;
      row[length - 1] = last;
      for (int i = 0; i < body; i++) {
        row[i + 1] = stream.get(from + i);
      }
      rows.add(row);
    }
    if (rows.isEmpty()) {
      throw InputException.in(
          null,
          "--sequence " + length,
          "the input has only " + stream.size() + " tokens; give more text or a smaller number");
    }
    return new Workload(rows);
  }

  /** Full batches, starting over when the rows run out. */
  public List<List<int[]>> batches(int size) {
    int samples = Math.clamp((long) BATCHES * size, LEAST_SAMPLES, MOST_SAMPLES);
    int count = Math.max(1, samples / size);
    List<List<int[]>> batches = new ArrayList<>();
    int next = 0;
    for (int b = 0; b < count; b++) {
      List<int[]> batch = new ArrayList<>();
      for (int r = 0; r < size; r++) {
        batch.add(rows.get(next++ % rows.size()));
      }
      batches.add(batch);
    }
    return batches;
  }

  /** Mean operations of a sample at full depth, padding not counted. */
  public static double fullFlops(ModelConfig config, List<List<int[]>> batches) {
    return batches.stream()
        .flatMap(List::stream)
        .mapToDouble(tokens -> Flops.full(config, tokens.length))
        .average()
        .orElseThrow();
  }

  /** Runs the batches once and counts. */
  public static Depth depth(BatchRunner runner, List<List<int[]>> batches, double[] thresholds) {
    List<Outcome> outcomes = new ArrayList<>();
    batches.forEach(batch -> outcomes.addAll(runner.run(batch, thresholds)));
    return depth(runner.config(), batches, outcomes, thresholds);
  }

  /** Counts what a run at these thresholds answered, one outcome a row in the batches' order. */
  public static Depth depth(
      ModelConfig config, List<List<int[]>> batches, List<Outcome> outcomes, double[] thresholds) {
    boolean never = Arrays.stream(thresholds).allMatch(lambda -> lambda == BatchRunner.NEVER);
    double layers = 0;
    double flops = 0;
    double[][] running = new double[config.exits().size()][batches.size()];
    int sample = 0;
    for (int b = 0; b < batches.size(); b++) {
      for (int[] tokens : batches.get(b)) {
        int exit = outcomes.get(sample++).exit();
        for (int passed = 0; passed < exit; passed++) {
          running[passed][b]++;
        }
        layers += config.exits().get(exit).afterLayer();
        flops +=
            never ? Flops.full(config, tokens.length) : Flops.toExit(config, exit, tokens.length);
      }
    }
    return new Depth(layers / sample, flops / sample, running);
  }
}
