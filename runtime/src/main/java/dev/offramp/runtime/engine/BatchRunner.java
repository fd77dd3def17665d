package dev.offramp.runtime.engine;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.kernels.Device;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * Runs a network batch by batch: a batch is begun, and the next one waits until its last row has
 * left. A row leaves the computation at the first exit whose confidence is strictly above lambda;
 * stages after it no longer see the row. Results come back in the order of the inputs. Not
 * thread-safe.
 */
public final class BatchRunner implements AutoCloseable {
  /** The threshold at which no row exits early: every row runs to the last exit. */
  public static final double NEVER = Floors.NEVER;

  /** No confidence is above it, but heads are asked. */
  private static final float NOBODY_LEAVES = Float.MAX_VALUE;

  private final Scope owned = new Scope();
  private final Network network;
  private final ModelConfig config;
  private final StageRunner runner;
  private final List<StageRunner.Verdict> verdicts = new ArrayList<>();
  private final int maxBatch;
  private final int maxTokens;
  private final int stages;

  /**
   * Puts a model on a device, where it stays until the runner is closed.
   *
   * @param maxBatch largest batch that will be run
   * @param maxTokens longest input that will be run, at most the model's positions
   */
  public static BatchRunner open(ModelDirectory model, Device device, int maxBatch, int maxTokens) {
    return new BatchRunner(Network.open(model, device), maxBatch, maxTokens);
  }

  /**
   * As {@link #open}, with stages that end at other exits, whose heads need not exist yet, for
   * {@link #features}.
   */
  public static BatchRunner openAt(
      ModelDirectory model, Device device, List<Exit> exits, int maxBatch, int maxTokens) {
    return new BatchRunner(Network.openAt(model, device, exits), maxBatch, maxTokens);
  }

  private BatchRunner(Network network, int maxBatch, int maxTokens) {
    this.network = network;
    this.config = network.config();
    this.stages = network.stages();
    this.maxBatch = maxBatch;
    this.maxTokens = maxTokens;
    try (var failed = new Scope()) {
      failed.add(owned);
      owned.add(network);
      RowStore store = owned.add(RowStore.open(network, maxBatch, maxTokens));
      runner = owned.add(new StageRunner(network, store));
      for (int v = 0; v < Flight.AHEAD && !config.exits().isEmpty(); v++) {
        verdicts.add(owned.add(runner.newVerdict(maxBatch, 0)));
      }
      failed.release();
    }
  }

  public ModelConfig config() {
    return config;
  }

  public Network network() {
    return network;
  }

  /** Largest batch. */
  public int maxBatch() {
    return maxBatch;
  }

  /** Longest row. */
  public int maxTokens() {
    return maxTokens;
  }

  /** Number of stages, which is the number of exits for a model that has exit heads. */
  public int stages() {
    return stages;
  }

  /**
   * Runs a batch with early exits, one threshold for all exits.
   *
   * @param batch token ids of each row, at most maxBatch rows of 1 to maxTokens tokens
   * @param lambda threshold in [0, 1]; {@link #NEVER} runs every row to the last exit
   * @return one outcome a row, in the order of the batch
   */
  public List<Outcome> run(List<int[]> batch, double lambda) {
    return run(batch, Floors.everywhere(lambda, stages));
  }

  /**
   * Runs a batch with early exits, a threshold for each exit before the last.
   *
   * @param thresholds shape [stages - 1], each in [0, 1]; an exit with {@link #NEVER} is passed by,
   *     its head not even computed
   */
  public List<Outcome> run(List<int[]> batch, double[] thresholds) {
    return run(batch, Floors.of(thresholds, stages));
  }

  /**
   * Runs a batch with early exits and no compaction, as code does that cannot take rows out: all
   * rows are computed on until the last has left. For comparison; outcomes are those of {@link
   * #run}.
   */
  public List<Outcome> runWhole(List<int[]> batch, double[] thresholds) {
    network.requireHeads();
    Flight flight = new Flight(runner, verdicts, batch, Floors.of(thresholds, stages), true);
    // Nothing is queued ahead: no row would leave on the device, so it would be computed in vain.
    while (!flight.settle()) {
      flight.advance();
    }
    return flight.outcomes();
  }

  /**
   * Runs every row of a batch to the same exit, whatever its confidence.
   *
   * @param exit exit counted from 0
   */
  public List<Outcome> runTo(List<int[]> batch, int exit) {
    return run(batch, Floors.same(Floors.PASS_BY, checked(exit)));
  }

  /**
   * As {@link #runTo}, and asks every exit head on the way, though nobody leaves there: the work
   * that a row has behind it when it leaves at that exit.
   */
  public List<Outcome> runThrough(List<int[]> batch, int exit) {
    return run(batch, Floors.same(NOBODY_LEAVES, checked(exit)));
  }

  private int checked(int exit) {
    return Objects.checkIndex(exit, stages);
  }

  private List<Outcome> run(List<int[]> batch, Floors floors) {
    network.requireHeads();
    Flight flight = new Flight(runner, verdicts, batch, floors, false);
    do {
      // The device works on the next stage while the host looks at this one's answer.
      flight.advance();
    } while (!flight.settle());
    return flight.outcomes();
  }

  /** Runs the layers alone, without any exit head: for models that have none. */
  public void encode(List<int[]> batch) {
    runner.begin(batch);
    for (int stage = 0; stage < stages; stage++) {
      runner.advance(stage);
    }
    runner.await();
  }

  /** Told the class probabilities of a batch by {@link BatchRunner#observe}. */
  public interface ProbabilityReader {
    /**
     * @param from number of the batch's first sample
     * @param count samples in the batch
     * @param probabilities shape [exits][count * classes] at least, only valid during the call
     */
    void accept(int from, int count, float[][] probabilities);
  }

  /**
   * What every exit says of every sample, in one pass over the data: the input of calibration.
   *
   * @param samples token ids; any number, run in batches of {@code batch}
   * @param done called with the number of samples finished
   * @throws dev.offramp.models.InputException if the last exit's confidence in a sample is NaN
   */
  public ExitTable observe(List<int[]> samples, int batch, IntConsumer done) {
    network.requireHeads();
    return observe(samples, batch, verdicts.getFirst(), null, done);
  }

  /**
   * As {@link #observe(List, int, IntConsumer)}, and hands out every exit's class probabilities
   * batch by batch: for all samples at once they would not fit into memory.
   */
  public ExitTable observe(
      List<int[]> samples, int batch, ProbabilityReader reader, IntConsumer done) {
    network.requireHeads();
    try (StageRunner.Verdict full = runner.newVerdict(maxBatch, config.labels().size())) {
      return observe(samples, batch, full, reader, done);
    }
  }

  private ExitTable observe(
      List<int[]> samples,
      int batch,
      StageRunner.Verdict into,
      ProbabilityReader reader,
      IntConsumer done) {
    float[][] confidence = new float[stages][samples.size()];
    int[][] prediction = new int[stages][samples.size()];
    float[][] probabilities = new float[stages][];
    for (int from = 0; from < samples.size(); from += batch) {
      int to = Math.min(from + batch, samples.size());
      runner.begin(samples.subList(from, to));
      for (int stage = 0; stage < stages; stage++) {
        runner.advance(stage);
        runner.ask(stage, to - from, into).await();
        System.arraycopy(into.confidence(), 0, confidence[stage], from, to - from);
        System.arraycopy(into.prediction(), 0, prediction[stage], from, to - from);
        if (reader != null) {
          probabilities[stage] = into.probabilities().clone();
        }
      }
      for (int i = from; i < to; i++) {
        if (Float.isNaN(confidence[stages - 1][i])) {
          throw network.noNumber(stages - 1, i);
        }
      }
      if (reader != null) {
        reader.accept(from, to - from, probabilities);
      }
      done.accept(to);
    }
    return new ExitTable(confidence, prediction);
  }

  /**
   * What heads at the ends of the stages see of each sample: what they are trained on.
   *
   * @param heads one for each stage; of them only how they pool matters
   * @return for each stage F32 [samples, features]
   * @throws dev.offramp.models.InputException if one is not finite
   */
  public List<float[]> features(
      List<int[]> samples, int batch, List<Head> heads, IntConsumer done) {
    List<float[]> features = new ArrayList<>(Collections.nCopies(stages, null));
    for (int from = 0; from < samples.size(); from += batch) {
      int to = Math.min(from + batch, samples.size());
      runner.begin(samples.subList(from, to));
      for (int stage = 0; stage < stages; stage++) {
        runner.advance(stage);
        float[] part = runner.features(stage, heads.get(stage), to - from);
        int width = part.length / (to - from);
        for (int i = 0; i < part.length; i++) {
          if (!Float.isFinite(part[i])) {
            throw network.noNumber(stage, from + i / width);
          }
        }
        if (from == 0) {
          features.set(stage, new float[Math.multiplyExact(samples.size(), width)]);
        }
        System.arraycopy(part, 0, features.get(stage), from * width, part.length);
      }
      done.accept(to);
    }
    return features;
  }

  @Override
  public void close() {
    owned.close();
  }
}
