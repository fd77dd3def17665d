package dev.offramp.runtime.engine;

import dev.offramp.kernels.Event;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Stages of a network on its device. Where the device queues its work there are two lanes, so that
 * it has the next step at hand while the host looks at the last one's answer.
 */
public final class DeviceStages implements Stages {
  private static final int LANES_OF_QUEUES = 2;

  /** So many steps' worth of slots for each lane: rows gather at stages while new ones start. */
  private static final int LANE_STEPS = 2;

  /** The slot of the row that is audited. */
  private static final int SPARE = 1;

  /** Far beyond what is faster; keeps the sizes of buffers within what can be counted. */
  public static final int MOST_LANE_ROWS = 1 << 14;

  private final Scope owned = new Scope();
  private final Network network;
  private final RowStore store;
  private final int laneRows;
  private final int classes; // 0 where nobody asks for probabilities
  private final List<Lane> lanes = new ArrayList<>();

  /** A table of rows, and room for what each exit says of them. */
  private static final class Lane {
    final StageRunner runner;
    final List<StageRunner.Verdict> verdicts;
    Event answered;

    Lane(StageRunner runner, List<StageRunner.Verdict> verdicts) {
      this.runner = runner;
      this.verdicts = verdicts;
    }
  }

  /**
   * Allocates slots and lanes.
   *
   * @param network stays open when this is closed
   * @param laneRows rows of a step at most
   * @param maxTokens longest row, at most the model's positions
   * @param probabilities whether any launch will ask for them
   */
  public static DeviceStages open(
      Network network, int laneRows, int maxTokens, boolean probabilities) {
    network.requireHeads();
    if (laneRows < 1 || laneRows > MOST_LANE_ROWS) {
      throw new IllegalArgumentException(
          "steps of %d rows: must be 1 to %d".formatted(laneRows, MOST_LANE_ROWS));
    }
    return new DeviceStages(
        network, laneRows, maxTokens, probabilities ? network.config().labels().size() : 0);
  }

  private DeviceStages(Network network, int laneRows, int maxTokens, int classes) {
    this.network = network;
    this.classes = classes;
    this.laneRows = laneRows;
    try (var failed = new Scope()) {
      failed.add(owned);
      int count = network.device().queues() ? LANES_OF_QUEUES : 1;
      int slots = count * LANE_STEPS * laneRows + SPARE;
      store = owned.add(RowStore.open(network, slots, maxTokens));
      for (int l = 0; l < count; l++) {
        StageRunner runner = owned.add(new StageRunner(network, store));
        List<StageRunner.Verdict> verdicts = new ArrayList<>();
        for (int e = 0; e < network.stages(); e++) {
          verdicts.add(owned.add(runner.newVerdict(laneRows, classes)));
        }
        lanes.add(new Lane(runner, verdicts));
      }
      failed.release();
    }
  }

  @Override
  public int count() {
    return network.stages();
  }

  @Override
  public int slots() {
    return store.capacity() - SPARE;
  }

  @Override
  public int lanes() {
    return lanes.size();
  }

  @Override
  public int laneRows() {
    return laneRows;
  }

  @Override
  public int minTokens() {
    return store.minTokens();
  }

  @Override
  public int maxTokens() {
    return store.maxTokens();
  }

  @Override
  public void enter(int slot, int[] tokens) {
    store.put(slot, tokens, store.maxTokens());
  }

  @Override
  public void launch(
      int lane,
      int from,
      int to,
      Floors floors,
      int[] slots,
      int[] lengths,
      int count,
      boolean probabilities) {
    Lane on = lanes.get(lane);
    on.runner.load(slots, lengths, count);
    if (from == 0) {
      on.runner.embed(slots, count);
    }
    for (int stage = from; stage <= to; stage++) {
      on.runner.advance(stage);
      if (floors.asks(stage)) {
        on.answered = on.runner.ask(stage, count, on.verdicts.get(stage), probabilities);
      }
    }
  }

  @Override
  public void await(int lane) {
    lanes.get(lane).answered.await();
  }

  @Override
  public float confidence(int lane, int stage, int i) {
    return lanes.get(lane).verdicts.get(stage).confidence()[i];
  }

  @Override
  public int prediction(int lane, int stage, int i) {
    return lanes.get(lane).verdicts.get(stage).prediction()[i];
  }

  @Override
  public float[] probabilities(int lane, int stage, int i) {
    float[] all = lanes.get(lane).verdicts.get(stage).probabilities();
    return Arrays.copyOfRange(all, i * classes, (i + 1) * classes);
  }

  @Override
  public void close() {
    owned.close();
  }
}
