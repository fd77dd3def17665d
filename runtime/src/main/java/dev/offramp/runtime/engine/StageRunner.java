package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Recording;
import dev.offramp.models.Head;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An index table over the rows of a store, and the stages of a network recorded for it: name the
 * rows, then for each stage advance, ask the exit head, release rows. All of it is queued: only
 * what is awaited is known to the host. A stage is recorded once and replayed ever after. Not
 * thread-safe.
 */
final class StageRunner implements AutoCloseable {
  /** A copy costs about as much as this many rows more in a copy. */
  private static final int WORTH_SINGLE_COPIES = 8;

  private final Scope owned = new Scope();
  private final Device device;
  private final Network network;
  private final RowStore store;
  private final LiveRows rows;
  private int[] lengths = {}; // positions of the rows of the batch
  private int[] onDevice = {};
  private final Recording embedding;
  private final List<Recording> stages = new ArrayList<>();

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

  StageRunner(Network network, RowStore store) {
    this.device = network.device();
    this.network = network;
    this.store = store;
    Layers layers = network.layers();
    Activations activations = store.activations();
    try (var failed = new Scope()) {
      failed.add(owned);
      rows = owned.add(device.liveRows(store.capacity(), layers.positions(store.maxTokens())));
      embedding = owned.add(device.record(() -> layers.embed(rows, store.ids(), activations)));
      int from = 0;
      for (int cut : network.cuts()) {
        int first = from;
        stages.add(
            owned.add(
                device.record(() ->
                    IntStream.range(first, cut).forEach(l -> layers.layer(l, rows, activations)))));
        from = cut;
      }
      failed.release();
    }
  }

  /**
   * Room for verdicts, on the device and here.
   *
   * @param count rows at most
   * @param classes number of probabilities a row to be read too, or 0 for none
   * @throws dev.offramp.models.InputException if so many probabilities do not fit an array
   */
  Verdict newVerdict(int count, int classes) {
    int probabilities = RowStore.numbers(count, classes);
    return new Verdict(
        ExitSignal.allocate(device, count, classes),
        new float[count],
        new int[count],
        classes == 0 ? null : new float[probabilities]);
  }

  /** Puts the token ids of a batch into the slots 0, 1, … and makes them live. */
  void begin(List<int[]> batch) {
    if (batch.isEmpty() || batch.size() > store.capacity()) {
      throw new IllegalArgumentException(
          "a batch of " + batch.size() + " rows: must be 1 to " + store.capacity());
    }
    int positions = batch.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    if (positions > store.maxTokens()) {
      throw new IllegalArgumentException(
          "a row of " + positions + " numbers: at most " + store.maxTokens() + " fit");
    }
    int count = batch.size();
    int[] numbers = new int[count];
    for (int r = 0; r < count; r++) {
      int[] tokens = batch.get(r);
      numbers[r] = tokens.length;
      store.put(r, tokens, positions);
    }
    // A copy: rows that are loaded later reuse the array.
    lengths = Arrays.copyOf(positions(numbers, count), count);
    rows.load(
        IntStream.range(0, count).toArray(), lengths, count, network.layers().positions(positions));
    store.upload(0, count, positions);
    embedding.replay();
  }

  /** Makes rows of the store live, each of which stays in its slot of the largest stride. */
  void load(int[] slots, int[] lengths, int count) {
    rows.load(
        slots, positions(lengths, count), count, network.layers().positions(store.maxTokens()));
  }

  /** Positions on the device of rows of these lengths; the array is reused. */
  private int[] positions(int[] lengths, int count) {
    if (onDevice.length < count) {
      onDevice = new int[count];
    }
    for (int i = 0; i < count; i++) {
      onDevice[i] = network.layers().positions(lengths[i]);
    }
    return onDevice;
  }

  /** Runs the input layer on the live rows, whose ids have been put into their slots. */
  void embed(int[] slots, int count) {
    int from = Integer.MAX_VALUE;
    int to = 0;
    for (int i = 0; i < count; i++) {
      from = Math.min(from, slots[i]);
      to = Math.max(to, slots[i] + 1);
    }
    if (to - from <= WORTH_SINGLE_COPIES * count) {
      store.upload(from, to, store.maxTokens());
    } else {
      for (int i = 0; i < count; i++) {
        store.upload(slots[i], slots[i] + 1, store.maxTokens());
      }
    }
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
    return ask(stage, live, into, into.probabilities != null);
  }

  /** As {@link #ask(int, int, Verdict)}, with the copy of probabilities or without. */
  Event ask(int stage, int live, Verdict into, boolean probabilities) {
    Network.ExitHead head = network.head(stage);
    ExitSignal signal = into.signal;
    Layers.View seen = view(stage, head.exit().head());
    device.exitHead(rows, seen.pooling(), head.map(), seen.activations(), signal);
    long line = (long) head.confidence().ordinal() * signal.capacity();
    device.copyOut(
        signal.scores(), line, MemorySegment.ofArray(into.confidence).asSlice(0, live * 4L));
    if (probabilities) {
      long bytes = 4L * live * head.map().outputs();
      device.copyOut(
          signal.probabilities(), 0, MemorySegment.ofArray(into.probabilities).asSlice(0, bytes));
    }
    return device.copyOut(
        signal.predictions(), 0, MemorySegment.ofArray(into.prediction).asSlice(0, live * 4L));
  }

  /** Queues taking the rows whose confidence is above lambda out of the computation. */
  void release(int stage, Verdict verdict, float lambda) {
    device.compact(rows, verdict.signal, network.head(stage).confidence(), lambda);
  }

  /** Tells the device which rows of the batch are left, so that it sizes its work by them. */
  void left(int[] live) {
    int tokens = 0;
    for (int row : live) {
      tokens += lengths[row];
    }
    rows.atMost(live.length, tokens);
  }

  /** Waits for everything that was queued. */
  void await() {
    device.copyOut(store.ids(), 0, MemorySegment.ofArray(new int[0])).await();
  }

  /**
   * What a head at the end of a stage sees of the live rows.
   *
   * @return F32 [live, features]
   */
  float[] features(int stage, Head head, int live) {
    Layers.View seen = view(stage, head);
    float[] features = new float[RowStore.numbers(live, seen.width())];
    try (Buffer pooled = device.allocate(DataType.F32, features.length)) {
      device.pool(rows, seen.pooling(), seen.width(), seen.activations(), pooled);
      device.copyOut(pooled, 0, MemorySegment.ofArray(features)).await();
    }
    return features;
  }

  private Layers.View view(int stage, Head head) {
    return network.layers().view(network.cuts().get(stage), head, rows, store.activations());
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
