package dev.offramp.runtime.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.OnnxExporter.Segment;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.io.TemporaryFolder;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * ONNX Runtime with early exits: a session for the layers up to each exit, with the model
 * directory's own weights and heads. Between two sessions the host takes out the rows that leave
 * and moves those that stay together; the sequence axis shrinks to the longest of them. Sessions
 * write to and read from two native buffers in turn, so hidden states are moved only where rows
 * left. One batch at a time.
 */
public final class OnnxSegmentedMode implements Mode {
  public static final String NAME = "onnxruntime-segmented";

  private final double[] thresholds;
  private final ModelConfig config;
  private final List<Stage> stages = new ArrayList<>();
  private final Map<List<int[]>, First> prepared = new IdentityHashMap<>();

  /** Where sessions put hidden states: one is read while the other is written. */
  private final NativeBuffer[] states = {new NativeBuffer(), new NativeBuffer()};

  private final NativeBuffer masks = new NativeBuffer();
  private final NativeBuffer predictions = new NativeBuffer();
  private final NativeBuffer confidences = new NativeBuffer();

  /** The layers up to an exit that is asked. */
  private record Stage(OrtSession session, int exit) {}

  /** Inputs of the first stage. */
  private record First(Map<String, OnnxTensor> inputs) {
    void close() {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  /**
   * Writes the segments, to temporary files, and opens a session for each.
   *
   * @param thresholds shape [exits - 1]; at {@link BatchRunner#NEVER} an exit is passed by, its
   *     layers run in one session with those of the next
   * @param threads threads within an operator
   * @throws InputException if a segment is too large for an ONNX file
   */
  public OnnxSegmentedMode(ModelDirectory model, double[] thresholds, int threads) {
    int exits = model.config().exits().size();
    if (thresholds.length != exits - 1) {
      throw new IllegalArgumentException(
          "%d thresholds for %d exits before the last".formatted(thresholds.length, exits - 1));
    }
    this.thresholds = thresholds.clone();
    config = model.config();
    OnnxTarget processor = new OnnxTarget.Processor(threads);
    try (TemporaryFolder folder = TemporaryFolder.create()) {
      int from = 0;
      for (Segment segment : OnnxExporter.segments(model.config())) {
        int exit = segment.exit();
        if (exit < exits - 1 && thresholds[exit] == BatchRunner.NEVER) {
          continue;
        }
        Path file = folder.path().resolve("exit-" + exit + ".onnx");
        OnnxExporter.write(model, new Segment(from, segment.to(), exit), file);
        stages.add(new Stage(OnnxRuntime.open(file, processor), exit));
        from = segment.to();
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean runsOn(DeviceInfo benched, boolean processor) {
    return processor;
  }

  @Override
  public Optional<String> prepare(List<List<int[]>> batches, BatchRunner runner) {
    Agreement.require(NAME, runner, batches, thresholds, this::outcomes);
    return Optional.empty();
  }

  @Override
  public void run(List<int[]> batch) {
    OnnxRuntime.call(() -> run(batch, prepared.computeIfAbsent(batch, this::first)));
  }

  /** Its tensors are made and freed within. */
  @Override
  public void runOnce(List<int[]> batch) {
    outcomes(batch);
  }

  /** One outcome a row, in the order of the batch. */
  List<Outcome> outcomes(List<int[]> batch) {
    First first = first(batch);
    try {
      return OnnxRuntime.call(() -> run(batch, first));
    } finally {
      first.close();
    }
  }

  private First first(List<int[]> batch) {
    Set<String> names = stages.getFirst().session().getInputNames();
    return new First(OnnxInputs.of(config, names, batch));
  }

  private List<Outcome> run(List<int[]> batch, First first) throws OrtException {
    Outcome[] outcomes = new Outcome[batch.size()];
    int[] live = IntStream.range(0, batch.size()).toArray();
    int longest = longest(batch, live);
    for (int s = 0; s < stages.size() && live.length > 0; s++) {
      Stage stage = stages.get(s);
      boolean last = s == stages.size() - 1;
      // Nothing is copied: these are views of the native buffers.
      try (OnnxTensor states = s == 0 ? null : states(s - 1, live.length, longest);
          OnnxTensor mask = s == 0 || !masked() ? null : mask(batch, live, longest);
          OnnxTensor next = last ? null : states(s, live.length, longest)) {
        Map<String, OnnxTensor> inputs = new HashMap<>();
        if (s == 0) {
          inputs.putAll(first.inputs());
        } else {
          inputs.put(OnnxExporter.HIDDEN_STATES, states);
        }
        if (mask != null) {
          inputs.put(OnnxExporter.ATTENTION_MASK, mask);
        }
        answer(stage.session(), inputs, next, live.length);
      }
      int[] stay = settle(stage.exit(), last, live, outcomes);
      if (stay.length < live.length) {
        live = Arrays.stream(stay).map(at(live)).toArray();
        int longestLeft = live.length == 0 ? 0 : longest(batch, live);
        compact(s, stay, longest, longestLeft);
        longest = longestLeft;
      }
    }
    return Arrays.asList(outcomes);
  }

  private void answer(OrtSession session, Map<String, OnnxTensor> inputs, OnnxTensor next, int rows)
      throws OrtException {
    long[] shape = {rows};
    try (OnnxTensor prediction =
            OnnxTensor.createTensor(environment(), predictions.longs(rows), shape);
        OnnxTensor confidence =
            OnnxTensor.createTensor(environment(), confidences.floats(rows), shape)) {
      Map<String, OnnxTensor> outputs = new HashMap<>();
      outputs.put(OnnxExporter.PREDICTION, prediction);
      outputs.put(OnnxExporter.CONFIDENCE, confidence);
      if (next != null) {
        outputs.put(OnnxExporter.NEXT_HIDDEN_STATES, next);
      }
      session.run(inputs, Set.of(), outputs).close();
    }
  }

  /**
   * Notes who leaves.
   *
   * @return places in {@code live} of the rows that stay
   */
  private int[] settle(int exit, boolean last, int[] live, Outcome[] outcomes) {
    LongBuffer prediction = predictions.longs(live.length);
    FloatBuffer confidence = confidences.floats(live.length);
    int[] stay = new int[live.length];
    int count = 0;
    for (int i = 0; i < live.length; i++) {
      // As doubles: this is whether the float is above the largest float that is at most lambda.
      if (last || confidence.get(i) > thresholds[exit]) {
        outcomes[live[i]] = new Outcome((int) prediction.get(i), confidence.get(i), exit);
      } else {
        stay[count++] = i;
      }
    }
    return Arrays.copyOf(stay, count);
  }

  /** Moves the states of the rows that stay to the front, cut to the longest of them. */
  private void compact(int stage, int[] stay, int positions, int positionsLeft) {
    MemorySegment memory = states[stage % 2].memory();
    long row = elements(shape(stage, 1, positions)) * Float.BYTES;
    long rowLeft = elements(shape(stage, 1, positionsLeft)) * Float.BYTES;
    for (int i = 0; i < stay.length; i++) {
      // Never over a row that is still to be moved: neither i nor the row's size has grown.
      MemorySegment.copy(memory, stay[i] * row, memory, i * rowLeft, rowLeft);
    }
  }

  /** What the stage hands to the next, F32. */
  private OnnxTensor states(int stage, int rows, int positions) throws OrtException {
    long[] shape = shape(stage, rows, positions);
    return OnnxTensor.createTensor(environment(), states[stage % 2].floats(elements(shape)), shape);
  }

  /** [rows, positions, hiddenSize], or [rows, channels, height, width] of images. */
  private long[] shape(int stage, int rows, int positions) {
    int afterLayer = config.exits().get(stages.get(stage).exit()).afterLayer();
    return switch (config.architecture()) {
      case BertArchitecture bert -> new long[] {rows, positions, bert.hiddenSize()};
      case ResnetArchitecture resnet -> {
        ResnetArchitecture.Image map = resnet.blocks().get(afterLayer - 1).out();
        yield new long[] {rows, map.channels(), map.height(), map.width()};
      }
    };
  }

  private static long elements(long[] shape) {
    return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  /** Whether rows have lengths of their own. */
  private boolean masked() {
    return config.architecture() instanceof BertArchitecture;
  }

  private OnnxTensor mask(List<int[]> batch, int[] live, int positions) throws OrtException {
    LongBuffer mask = masks.longs((long) live.length * positions);
    for (int i = 0; i < live.length; i++) {
      int length = batch.get(live[i]).length;
      for (int p = 0; p < positions; p++) {
        mask.put(i * positions + p, p < length ? 1 : 0);
      }
    }
    return OnnxTensor.createTensor(environment(), mask, new long[] {live.length, positions});
  }

  private static int longest(List<int[]> batch, int[] rows) {
    return Arrays.stream(rows).map(row -> batch.get(row).length).max().orElseThrow();
  }

  private static IntUnaryOperator at(int[] values) {
    return i -> values[i];
  }

  private static OrtEnvironment environment() {
    return OnnxRuntime.environment();
  }

  @Override
  public void close() {
    prepared.values().forEach(First::close);
    List.of(states[0], states[1], masks, predictions, confidences).forEach(NativeBuffer::close);
    OnnxRuntime.call(() -> {
      for (Stage stage : stages) {
        stage.session().close();
      }
      return null;
    });
  }
}
