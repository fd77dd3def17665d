package dev.offramp.runtime.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.OnnxExporter;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Outcome;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * ONNX Runtime at full depth: on the file that the model came from, up to the hidden states of the
 * last layer, or on one that was written from the model directory, up to the last head's answers.
 * Input tensors are made once a batch and kept, so that what is timed is its inference alone.
 */
public final class OnnxMode implements Mode {
  public static final String FP32 = "onnxruntime";
  public static final String INT8 = "onnxruntime-int8";

  /** On a card, in the precision of what it is compared with. */
  public static final String CUDA = "onnxruntime-cuda";

  /** Ends the name of an artifact whose weights are int8. */
  public static final String QUANTIZED = "-q";

  private static final Set<String> ANSWERS =
      Set.of(OnnxExporter.PREDICTION, OnnxExporter.CONFIDENCE);
  private static final Set<String> STATES = Set.of(OnnxExporter.LAST_HIDDEN_STATE);

  private final String name;
  private final ModelConfig config;
  private final OnnxTarget target;
  private final OrtSession session;
  private final Set<String> outputs;
  private final Map<List<int[]>, Map<String, OnnxTensor>> prepared = new IdentityHashMap<>();

  /**
   * Opens a session with every graph optimization.
   *
   * @param config of the model that the file is of
   * @throws InputException if the file is not an ONNX file of such a network, or the target is not
   *     there
   */
  public OnnxMode(String name, ModelConfig config, Path onnx, OnnxTarget target) {
    this.name = name;
    this.config = config;
    this.target = target;
    session = OnnxRuntime.open(onnx, target);
    // A model without exits has no answers to compare a head's with.
    boolean answers = session.getOutputNames().containsAll(ANSWERS) && !config.exits().isEmpty();
    outputs = answers ? ANSWERS : STATES;
    requireAll(onnx, "has the outputs", session.getOutputNames(), outputs);
    requireAll(onnx, "may take the inputs", OnnxInputs.KNOWN, session.getInputNames());
  }

  private void requireAll(Path onnx, String what, Set<String> there, Set<String> wanted) {
    if (!there.containsAll(wanted)) {
      close();
      throw InputException.in(
          onnx,
          null,
          "%s %s and not %s; name an ONNX file of the network".formatted(what, there, wanted));
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean runsOn(DeviceInfo benched, boolean processor) {
    return switch (target) {
      case OnnxTarget.Processor _ -> processor;
      case OnnxTarget.Card card -> benched.id().equals("cuda:" + card.number());
    };
  }

  @Override
  public Optional<String> prepare(List<List<int[]>> batches, BatchRunner runner) {
    if (outputs == ANSWERS) {
      double[] never = Floors.everywhere(Floors.NEVER, runner.stages());
      int last = runner.stages() - 1;
      Agreement.require(name, runner, batches, never, batch -> outcomes(batch, last));
    } else if (!name.equals(INT8)) {
      // Those of int8 differ by design, as those of weights do that an int8 file was read for.
      boolean rounded =
          config.artifact().filter(of -> of.artifact().endsWith(QUANTIZED)).isPresent();
      double leastCosine = rounded ? Agreement.LEAST_ROUNDED_COSINE : Agreement.LEAST_COSINE;
      Agreement.requireDirections(name, runner, batches, leastCosine, this::means);
    }
    return Optional.empty();
  }

  @Override
  public void run(List<int[]> batch) {
    run(prepared.computeIfAbsent(batch, this::inputs));
  }

  /** Runs a batch that comes once only: its tensors are made and freed within. */
  @Override
  public void runOnce(List<int[]> batch) {
    Map<String, OnnxTensor> inputs = inputs(batch);
    try {
      run(inputs);
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private void run(Map<String, OnnxTensor> inputs) {
    try (OrtSession.Result result = OnnxRuntime.call(() -> session.run(inputs, outputs))) {
      if (result.size() != outputs.size()) {
        throw new IllegalStateException("ONNX Runtime gave " + result.size() + " outputs");
      }
    }
  }

  private List<Outcome> outcomes(List<int[]> batch, int exit) {
    Map<String, OnnxTensor> inputs = inputs(batch);
    try (OrtSession.Result result = OnnxRuntime.call(() -> session.run(inputs, outputs))) {
      LongBuffer predictions = tensor(result, OnnxExporter.PREDICTION).getLongBuffer();
      FloatBuffer confidences = tensor(result, OnnxExporter.CONFIDENCE).getFloatBuffer();
      List<Outcome> outcomes = new ArrayList<>();
      for (int r = 0; r < batch.size(); r++) {
        outcomes.add(new Outcome((int) predictions.get(r), confidences.get(r), exit));
      }
      return outcomes;
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  /** Mean hidden states, over a row's tokens without the padding or over all pixels. */
  private float[][] means(List<int[]> batch) {
    Map<String, OnnxTensor> inputs = inputs(batch);
    try (OrtSession.Result result = OnnxRuntime.call(() -> session.run(inputs, outputs))) {
      OnnxTensor states = tensor(result, OnnxExporter.LAST_HIDDEN_STATE);
      long[] shape = states.getInfo().getShape();
      FloatBuffer values = states.getFloatBuffer(); // null if they are no floats
      boolean texts = config.architecture() instanceof BertArchitecture;
      int longest = batch.stream().mapToInt(row -> row.length).max().orElseThrow();
      if (values == null
          || shape.length != (texts ? 3 : 4)
          || shape[0] != batch.size()
          || texts && shape[1] != longest) {
        throw new PeerException(
            "%s: %s is %s %s and not of floats [batch, %s]; name an ONNX file of the network"
                .formatted(
                    name,
                    OnnxExporter.LAST_HIDDEN_STATE,
                    states.getInfo().type,
                    Arrays.toString(shape),
                    texts ? "sequence, width" : "channels, height, width"));
      }
      float[][] means = new float[batch.size()][];
      for (int r = 0; r < means.length; r++) {
        means[r] =
            texts
                ? mean(values, r * longest, batch.get(r).length, (int) shape[2])
                : mean(values, r, shape);
      }
      return means;
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  /** Of these tokens, from the first of them on. */
  private static float[] mean(FloatBuffer states, int first, int tokens, int width) {
    float[] mean = new float[width];
    for (int i = 0; i < width; i++) {
      double sum = 0;
      for (int t = 0; t < tokens; t++) {
        sum += states.get((first + t) * width + i);
      }
      mean[i] = (float) (sum / tokens);
    }
    return mean;
  }

  /** Of each channel of an image; shape [batch, channels, height, width]. */
  private static float[] mean(FloatBuffer states, int image, long[] shape) {
    int pixels = (int) (shape[2] * shape[3]);
    float[] mean = new float[(int) shape[1]];
    for (int c = 0; c < mean.length; c++) {
      double sum = 0;
      for (int p = 0; p < pixels; p++) {
        sum += states.get((image * mean.length + c) * pixels + p);
      }
      mean[c] = (float) (sum / pixels);
    }
    return mean;
  }

  private static OnnxTensor tensor(OrtSession.Result result, String name) {
    return (OnnxTensor) result.get(name).orElseThrow();
  }

  private Map<String, OnnxTensor> inputs(List<int[]> batch) {
    return OnnxInputs.of(config, session.getInputNames(), batch);
  }

  @Override
  public void close() {
    prepared.values().forEach(inputs -> inputs.values().forEach(OnnxTensor::close));
    OnnxRuntime.call(() -> {
      session.close();
      return null;
    });
  }
}
