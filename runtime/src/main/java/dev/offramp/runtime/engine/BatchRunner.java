package dev.offramp.runtime.engine;

import static java.util.Objects.requireNonNull;

import dev.offramp.calibrate.ExitTable;
import dev.offramp.kernels.Device;
import dev.offramp.models.Exit;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * A model on a device, ready to run batches. A row leaves the computation at the first exit whose
 * confidence is strictly above lambda; stages after it no longer see the row. Results come back in
 * the order of the inputs. Closing the runner frees what it put on the device; the device stays
 * open. Not thread-safe.
 */
public final class BatchRunner implements AutoCloseable {
  /** The threshold at which no row exits early: every row runs to the last exit. */
  public static final double NEVER = 1.0;

  /** No confidence is above it, but heads are asked. */
  private static final float NOBODY_LEAVES = Float.MAX_VALUE;

  private final Scope owned = new Scope();
  private final ModelConfig config;
  private final StageRunner runner;
  private final int stages;
  private final Supplier<StageRunner> another;

  /** For a second batch in flight; made when it is first needed. */
  private StageRunner second;

  /**
   * Puts the model on the device.
   *
   * @param maxBatch largest batch that will be run
   * @param maxTokens longest input that will be run, at most the model's positions
   */
  public static BatchRunner open(ModelDirectory model, Device device, int maxBatch, int maxTokens) {
    requireNonNull(model, "model is null");
    requireNonNull(device, "device is null");
    ModelConfig config = model.config();
    List<Integer> cuts =
        config.exits().isEmpty()
            ? List.of(config.architecture().layers())
            : config.exits().stream().map(Exit::afterLayer).toList();
    return new BatchRunner(model, device, cuts, maxBatch, maxTokens);
  }

  /** As {@link #open}, with stages that end after the given layers, for {@link #features}. */
  public static BatchRunner openAt(
      ModelDirectory model, Device device, List<Integer> afterLayers, int maxBatch, int maxTokens) {
    return new BatchRunner(model, device, List.copyOf(afterLayers), maxBatch, maxTokens);
  }

  private BatchRunner(
      ModelDirectory model, Device device, List<Integer> cuts, int maxBatch, int maxTokens) {
    if (maxBatch < 1) {
      throw new IllegalArgumentException("a batch of " + maxBatch + " rows: must be at least 1");
    }
    int positions = model.config().architecture().maxPositions();
    if (maxTokens < 1 || maxTokens > positions) {
      throw new IllegalArgumentException(maxTokens + " tokens: the model takes 1 to " + positions);
    }
    this.config = model.config();
    try (var failed = new Scope()) {
      failed.add(owned);
      Encoder encoder = owned.add(new Encoder(device, model));
      Supplier<StageRunner> make =
          () -> owned.add(new StageRunner(device, model, encoder, cuts, maxBatch, maxTokens));
      runner = make.get();
      another = device.queues() ? make : null;
      stages = cuts.size();
      failed.release();
    }
  }

  public ModelConfig config() {
    return config;
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
    double[] thresholds = new double[stages - 1];
    Arrays.fill(thresholds, checked(lambda));
    return run(batch, thresholds);
  }

  /**
   * Runs a batch with early exits, a threshold for each exit before the last.
   *
   * @param thresholds shape [stages - 1], each in [0, 1]; an exit with {@link #NEVER} is passed by,
   *     its head not even computed
   */
  public List<Outcome> run(List<int[]> batch, double[] thresholds) {
    return run(batch, floors(thresholds), stages - 1);
  }

  /**
   * Runs any number of batches, two at a time where the device works while the host looks at what
   * the other batch has come to.
   *
   * @param batches each as {@link #run} takes it
   * @param thresholds as {@link #run} takes them
   * @param done given the outcomes of each batch, in the order of the batches
   */
  public void runAll(
      Iterable<List<int[]>> batches, double[] thresholds, Consumer<List<Outcome>> done) {
    if (another == null || config.exits().isEmpty()) {
      for (List<int[]> batch : batches) {
        done.accept(run(batch, thresholds));
      }
      return;
    }
    float[] floors = floors(thresholds);
    second = second == null ? another.get() : second;
    Deque<StageRunner> free = new ArrayDeque<>(List.of(runner, second));
    Deque<Flight> turns = new ArrayDeque<>(); // under way, the one queued longest ago first
    Deque<Flight> order = new ArrayDeque<>(); // not handed out yet, in the order of the batches
    Iterator<List<int[]>> rest = batches.iterator();
    while (rest.hasNext() || !turns.isEmpty()) {
      if (rest.hasNext() && !free.isEmpty()) {
        Flight flight = new Flight(free.remove(), rest.next(), floors, stages - 1, false);
        turns.add(flight);
        order.add(flight);
        continue;
      }
      Flight oldest = turns.remove();
      if (oldest.settle()) {
        free.add(oldest.runner());
      } else {
        oldest.advance();
        turns.add(oldest);
      }
      while (!order.isEmpty() && order.peek().done()) {
        done.accept(order.remove().outcomes());
      }
    }
  }

  /**
   * Runs a batch with early exits and no compaction, as code does that cannot take rows out: all
   * rows are computed on until the last has left. For comparison; outcomes are those of {@link
   * #run}.
   */
  public List<Outcome> runWhole(List<int[]> batch, double[] thresholds) {
    requireHeads();
    Flight flight = new Flight(runner, batch, floors(thresholds), stages - 1, true);
    // Nothing is queued ahead: no row would leave on the device, so it would be computed in vain.
    while (!flight.settle()) {
      flight.advance();
    }
    return flight.outcomes();
  }

  private float[] floors(double[] thresholds) {
    if (thresholds.length != stages - 1) {
      throw new IllegalArgumentException(
          "%d thresholds: there are %d exits before the last"
              .formatted(thresholds.length, stages - 1));
    }
    float[] floors = new float[thresholds.length];
    for (int exit = 0; exit < floors.length; exit++) {
      floors[exit] = checked(thresholds[exit]) == NEVER ? Flight.PASS_BY : floor(thresholds[exit]);
    }
    return floors;
  }

  /**
   * Runs every row of a batch to the same exit, whatever its confidence.
   *
   * @param exit exit counted from 0
   */
  public List<Outcome> runTo(List<int[]> batch, int exit) {
    return run(batch, Flight.PASS_BY, exit);
  }

  /**
   * As {@link #runTo}, and asks every exit head on the way, though nobody leaves there: the work
   * that a row has behind it when it leaves at that exit.
   */
  public List<Outcome> runThrough(List<int[]> batch, int exit) {
    return run(batch, NOBODY_LEAVES, exit);
  }

  private List<Outcome> run(List<int[]> batch, float threshold, int exit) {
    float[] floors = new float[Objects.checkIndex(exit, stages)];
    Arrays.fill(floors, threshold);
    return run(batch, floors, exit);
  }

  private List<Outcome> run(List<int[]> batch, float[] floors, int lastStage) {
    requireHeads();
    Flight flight = new Flight(runner, batch, floors, lastStage, false);
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
   */
  public ExitTable observe(List<int[]> samples, int batch, IntConsumer done) {
    requireHeads();
    return observe(samples, batch, runner.verdict(0), null, done);
  }

  /**
   * As {@link #observe(List, int, IntConsumer)}, and hands out every exit's class probabilities
   * batch by batch: for all samples at once they would not fit into memory.
   */
  public ExitTable observe(
      List<int[]> samples, int batch, ProbabilityReader reader, IntConsumer done) {
    requireHeads();
    try (StageRunner.Verdict full = runner.newVerdict(config.labels().size())) {
      return observe(samples, batch, full, reader, done);
    }
  }

  private ExitTable observe(
      List<int[]> samples,
      int batch,
      StageRunner.Verdict into,
      ProbabilityReader reader,
      IntConsumer done) {
    requireHeads();
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
      if (reader != null) {
        reader.accept(from, to - from, probabilities);
      }
      done.accept(to);
    }
    return new ExitTable(confidence, prediction);
  }

  /**
   * Pooled hidden states after each stage: what exit heads are trained on.
   *
   * @param pooling mean, first or max
   * @return for each stage F32 [samples, hiddenSize]
   */
  public List<float[]> features(List<int[]> samples, int batch, String pooling, IntConsumer done) {
    int width = config.architecture().hiddenSize();
    List<float[]> features = new ArrayList<>();
    for (int stage = 0; stage < stages; stage++) {
      features.add(new float[Math.multiplyExact(samples.size(), width)]);
    }
    for (int from = 0; from < samples.size(); from += batch) {
      int to = Math.min(from + batch, samples.size());
      runner.begin(samples.subList(from, to));
      for (int stage = 0; stage < stages; stage++) {
        runner.advance(stage);
        MemorySegment part =
            MemorySegment.ofArray(features.get(stage))
                .asSlice(4L * from * width, 4L * (to - from) * width);
        runner.pool(StageRunner.pooling(pooling), part);
      }
      done.accept(to);
    }
    return features;
  }

  /** The largest float that is at most lambda: for floats, above the one is above the other. */
  static float floor(double lambda) {
    float nearest = (float) lambda;
    return nearest > lambda ? Math.nextDown(nearest) : nearest;
  }

  private static double checked(double lambda) {
    if (!(lambda >= 0 && lambda <= 1)) {
      throw new IllegalArgumentException("lambda " + lambda + ": must be in [0, 1]");
    }
    return lambda;
  }

  private void requireHeads() {
    if (config.exits().isEmpty()) {
      throw new IllegalStateException(
          "model " + config.name() + " has no exit heads; make some with 'offramp attach'");
    }
  }

  @Override
  public void close() {
    owned.close();
  }
}
