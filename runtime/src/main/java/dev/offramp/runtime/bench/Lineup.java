package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.io.Console;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * The modes that one size of batch is timed with. Closing it closes the runners; the peers stay
 * open for the next size.
 *
 * @param runner of the benched device
 * @param others of the devices beside it, by their names
 * @param modes ready for the batches, in the order of the table
 * @param leftOut names of the modes that are not, with the reason
 */
record Lineup(
    BatchRunner runner,
    SequencedMap<String, BatchRunner> others,
    List<Mode> modes,
    JsonObject leftOut)
    implements AutoCloseable {

  /**
   * @param batches to be timed, passed to the modes as these very objects
   * @param size rows of the largest batch
   */
  static Lineup open(Setup setup, List<List<int[]>> batches, int size) {
    int longest = batches.stream().flatMap(List::stream).mapToInt(t -> t.length).max().orElse(1);
    BatchRunner runner = BatchRunner.open(setup.model(), setup.device(), size, longest);
    Lineup lineup = new Lineup(runner, new LinkedHashMap<>(), new ArrayList<>(), new JsonObject());
    try {
      for (Device other : setup.others()) {
        lineup.others.put(other.info().id(), BatchRunner.open(setup.model(), other, size, longest));
      }
      lineup.addOwn(setup, size);
      lineup.addPeers(setup, batches, size);
      return lineup;
    } catch (RuntimeException e) {
      lineup.close();
      throw e;
    }
  }

  private void addOwn(Setup setup, int size) {
    double[] thresholds = setup.thresholds();
    if (setup.modes().contains(BatchMode.FULL_DEPTH)) {
      modes.add(BatchMode.fullDepth(BatchMode.FULL_DEPTH, runner));
    }
    if (thresholds != null && setup.modes().contains(BatchMode.EARLY_EXIT)) {
      modes.add(BatchMode.earlyExit(BatchMode.EARLY_EXIT, runner, thresholds));
    }
    if (thresholds != null) {
      addBaseline(setup, size, BaselineMode.noCompaction(runner, thresholds));
      addBaseline(setup, size, BaselineMode.batch1(runner, thresholds));
    }
    others.forEach((device, other) -> {
      modes.add(BatchMode.fullDepth(device, other));
      if (thresholds != null) {
        modes.add(BatchMode.earlyExit(BatchMode.earlyExitOn(device), other, thresholds));
      }
    });
  }

  private void addBaseline(Setup setup, int size, BaselineMode mode) {
    if (size == 1 && setup.modes().contains(mode.name())) {
      leaveOut(size, mode.name(), "one row at a time it is early-exit");
    } else if (setup.modes().contains(mode.name())) {
      modes.add(mode);
    }
  }

  private void addPeers(Setup setup, List<List<int[]>> batches, int size) {
    for (Mode peer : setup.peers()) {
      Optional<String> reason = peer.prepare(batches, runner);
      if (reason.isEmpty()) {
        modes.add(peer);
      } else {
        leaveOut(size, peer.name(), reason.get());
      }
    }
  }

  private void leaveOut(int size, String name, String reason) {
    Console.say("batches of %d: no %s: %s", size, name, reason);
    leftOut.addProperty(name, reason);
  }

  /** What the modes with exits do to a row, by name; modes without are not in it. */
  Map<String, Workload.Depth> depths(List<List<int[]>> batches, double[] thresholds) {
    Map<String, Workload.Depth> depths = new HashMap<>();
    if (thresholds != null) {
      Workload.Depth depth = Workload.depth(runner, batches, thresholds);
      depths.put(BatchMode.EARLY_EXIT, depth);
      depths.put(BaselineMode.NO_COMPACTION, depth);
      depths.put(BaselineMode.BATCH_1, depth);
      depths.put(OnnxSegmentedMode.NAME, depth); // Which is made sure to agree.
      others.forEach((device, other) ->
          depths.put(BatchMode.earlyExitOn(device), Workload.depth(other, batches, thresholds)));
    }
    return depths;
  }

  /** Names of the modes, for people. */
  String names() {
    return String.join(", ", modes.stream().map(Mode::name).toList());
  }

  @Override
  public void close() {
    try (runner) {
      others.values().forEach(BatchRunner::close);
      modes.stream().filter(BatchMode.class::isInstance).forEach(Mode::close);
    }
  }
}
