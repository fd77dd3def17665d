package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Pooling;
import dev.offramp.kernels.Recording;
import dev.offramp.models.Exit;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * One batch on its way through the stages of a model: begin, then for each stage advance, ask the
 * exit head, release rows. All of it is queued: only what is awaited is known to the host. A stage
 * is the layers between two cuts, recorded once and replayed for every batch. Not thread-safe.
 */
final class StageRunner implements AutoCloseable {
  private final Scope owned = new Scope();
  private final Device device;
  private final int capacity;
  private final int maxTokens;
  private final int hiddenSize;
  private final LiveRows rows;
  private final Encoder.Activations activations;
  private final Buffer ids; // I32 (capacity, maxTokens)
  private final int[] hostIds;
  private int[] lengths = {}; // of the rows of the batch
  private final Buffer pooled; // F32 (capacity, hiddenSize)
  private final Recording embedding;
  private final List<Recording> stages = new ArrayList<>();
  private final List<HeadOnDevice> heads = new ArrayList<>();
  private final List<Verdict> verdicts = new ArrayList<>();

  private record HeadOnDevice(Linear map, Pooling pooling, Confidence confidence) {}

  /**
   * What an exit head says of the live rows, in their order; the arrays are reused.
   *
   * @param signal where the device leaves it
   * @param probabilities shape [capacity * classes], or null where nobody asks for them
   */
  record Verdict(ExitSignal signal, float[] confidence, int[] prediction, float[] probabilities)
      implements AutoCloseable {
    @Override
    public void close() {
      signal.close();
    }
  }

  /**
   * @param cuts layers after which a stage ends, ascending, the last one the last to be run
   * @param capacity largest batch
   * @param maxTokens longest row
   */
  StageRunner(
      Device device,
      ModelDirectory model,
      Encoder encoder,
      List<Integer> cuts,
      int capacity,
      int maxTokens) {
    this.device = device;
    this.capacity = capacity;
    this.maxTokens = maxTokens;
    ModelConfig config = model.config();
    this.hiddenSize = config.architecture().hiddenSize();
    try (var failed = new Scope()) {
      failed.add(owned);
      rows = owned.add(device.liveRows(capacity, maxTokens));
      activations =
          owned.add(
              Encoder.Activations.allocate(device, config.architecture(), capacity, maxTokens));
      ids = owned.add(device.allocate(DataType.I32, (long) capacity * maxTokens));
      hostIds = new int[capacity * maxTokens];
      pooled = owned.add(device.allocate(DataType.F32, (long) capacity * hiddenSize));
      embedding = owned.add(device.record(() -> encoder.embed(rows, ids, activations)));
      int from = 0;
      for (int cut : cuts) {
        int first = from;
        stages.add(
            owned.add(
                device.record(() ->
                    IntStream.range(first, cut)
                        .forEach(l -> encoder.layer(l, rows, activations)))));
        from = cut;
      }
      for (int e = 0; e < config.exits().size(); e++) {
        Exit exit = config.exits().get(e);
        heads.add(
            new HeadOnDevice(
                owned.add(Encoder.head(device, model, e)),
                pooling(exit.head().pooling()),
                Confidence.valueOf(exit.head().confidence().toUpperCase(Locale.ROOT))));
      }
      for (int v = 0; v < Flight.AHEAD && !heads.isEmpty(); v++) {
        verdicts.add(owned.add(newVerdict(0)));
      }
      failed.release();
    }
  }

  static Pooling pooling(String name) {
    return Pooling.valueOf(name.toUpperCase(Locale.ROOT));
  }

  int capacity() {
    return capacity;
  }

  int maxTokens() {
    return maxTokens;
  }

  /**
   * Room for verdicts, on the device and here.
   *
   * @param classes number of probabilities a row to be read too, or 0 for none
   */
  Verdict newVerdict(int classes) {
    return new Verdict(
        ExitSignal.allocate(device, capacity, classes),
        new float[capacity],
        new int[capacity],
        classes == 0 ? null : new float[Math.multiplyExact(capacity, classes)]);
  }

  /** Room for the verdicts of the batch under way, used in turns. */
  Verdict verdict(int turn) {
    return verdicts.get(turn % verdicts.size());
  }

  /** Puts the token ids of a batch into the rows 0, 1, … and makes them live. */
  void begin(List<int[]> batch) {
    if (batch.isEmpty() || batch.size() > capacity) {
      throw new IllegalArgumentException(
          "a batch of " + batch.size() + " rows: must be 1 to " + capacity);
    }
    int positions = batch.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    if (positions > maxTokens) {
      throw new IllegalArgumentException(
          "a row of " + positions + " tokens: at most " + maxTokens + " fit");
    }
    int[] lengths = new int[batch.size()];
    for (int r = 0; r < lengths.length; r++) {
      int[] tokens = batch.get(r);
      lengths[r] = tokens.length;
      System.arraycopy(tokens, 0, hostIds, r * positions, tokens.length);
    }
    this.lengths = lengths;
    rows.load(IntStream.range(0, lengths.length).toArray(), lengths, positions);
    MemorySegment used =
        MemorySegment.ofArray(hostIds).asSlice(0, (long) lengths.length * positions * 4);
    device.copyIn(used, ids, 0);
    embedding.replay();
  }

  /** Runs the layers of a stage on the live rows. */
  void advance(int stage) {
    stages.get(stage).replay();
  }

  /**
   * Queues the stage's exit head and the copies of what it says. The arrays of {@code into} are
   * filled once the event has been awaited.
   *
   * @param live number of rows that may still be live; entries beyond those that are mean nothing
   */
  Event ask(int stage, int live, Verdict into) {
    HeadOnDevice head = heads.get(stage);
    ExitSignal signal = into.signal;
    device.exitHead(rows, head.pooling(), head.map(), activations.hidden(), signal);
    long line = (long) head.confidence().ordinal() * capacity;
    device.copyOut(
        signal.scores(), line, MemorySegment.ofArray(into.confidence).asSlice(0, live * 4L));
    if (into.probabilities != null) {
      long bytes = 4L * live * head.map().outputs();
      device.copyOut(
          signal.probabilities(), 0, MemorySegment.ofArray(into.probabilities).asSlice(0, bytes));
    }
    return device.copyOut(
        signal.predictions(), 0, MemorySegment.ofArray(into.prediction).asSlice(0, live * 4L));
  }

  /** Queues taking the rows whose confidence is above lambda out of the computation. */
  void release(int stage, Verdict verdict, float lambda) {
    device.compact(rows, verdict.signal, heads.get(stage).confidence(), lambda);
  }

  /** Tells the device which rows are left, so that it sizes its work by them. */
  void left(int[] live) {
    int tokens = 0;
    for (int row : live) {
      tokens += lengths[row];
    }
    rows.atMost(live.length, tokens);
  }

  /** Waits for everything that was queued. */
  void await() {
    device.copyOut(pooled, 0, MemorySegment.ofArray(new float[0])).await();
  }

  /** Pools the live rows' hidden states into {@code into}, F32 [live, hiddenSize]. */
  void pool(Pooling pooling, MemorySegment into) {
    device.pool(rows, pooling, hiddenSize, activations.hidden(), pooled);
    device.copyOut(pooled, 0, into).await();
  }

  /** Stages may be queued whose answers nobody waited for: they end before their memory goes. */
  @Override
  public void close() {
    try {
      await();
    } catch (DeviceException | IllegalStateException e) {
      // The device is lost or closed: there is nothing to wait for.
    } finally {
      owned.close();
    }
  }
}
