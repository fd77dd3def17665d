package dev.offramp.runtime.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.InputException;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * ONNX Runtime on the ONNX file that the model came from, at full depth, up to the hidden states of
 * the last layer. Input tensors are made once a batch and kept, so that what is timed is its
 * inference alone.
 */
public final class OnnxMode implements Mode {
  public static final String FP32 = "onnxruntime";
  public static final String INT8 = "onnxruntime-int8";
  private static final String HIDDEN_STATES = "last_hidden_state";

  private final String name;
  private final OrtEnvironment environment;
  private final OrtSession.SessionOptions options;
  private final OrtSession session;
  private final Map<List<int[]>, Map<String, OnnxTensor>> prepared = new IdentityHashMap<>();

  /**
   * Opens a session with every graph optimization.
   *
   * @param threads threads within an operator
   * @throws InputException if the file is not an ONNX file of an encoder
   */
  public OnnxMode(String name, Path onnx, int threads) {
    this.name = name;
    try {
      environment = OrtEnvironment.getEnvironment();
      options = new OrtSession.SessionOptions();
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      // Its threads spin within a run as ever, but not on while another mode has its turn.
      options.addConfigEntry("session.force_spinning_stop", "1");
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(onnx.toString(), options);
    } catch (OrtException e) {
      throw InputException.in(
          onnx,
          null,
          "ONNX Runtime cannot load it (" + e.getMessage() + "); name an ONNX file of the network");
    }
    if (!session.getOutputNames().contains(HIDDEN_STATES)) {
      Set<String> outputs = session.getOutputNames();
      close();
      throw InputException.in(
          onnx,
          null,
          "has the outputs %s and not %s; name an ONNX file of the network"
              .formatted(outputs, HIDDEN_STATES));
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void run(List<int[]> batch) {
    try (OrtSession.Result result = session.run(inputs(batch), Set.of(HIDDEN_STATES))) {
      if (result.size() != 1) {
        throw new IllegalStateException("ONNX Runtime gave " + result.size() + " outputs");
      }
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
    }
  }

  private Map<String, OnnxTensor> inputs(List<int[]> batch) {
    return prepared.computeIfAbsent(batch, this::prepare);
  }

  private Map<String, OnnxTensor> prepare(List<int[]> batch) {
    int longest = batch.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    long[] ids = new long[batch.size() * longest];
    long[] mask = new long[ids.length];
    long[] types = new long[ids.length];
    for (int r = 0; r < batch.size(); r++) {
      int[] tokens = batch.get(r);
      for (int p = 0; p < tokens.length; p++) {
        ids[r * longest + p] = tokens[p];
        mask[r * longest + p] = 1;
      }
    }
    long[] shape = {batch.size(), longest};
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try {
      for (var entry :
          Map.of("input_ids", ids, "attention_mask", mask, "token_type_ids", types).entrySet()) {
        if (session.getInputNames().contains(entry.getKey())) {
          inputs.put(
              entry.getKey(),
              OnnxTensor.createTensor(environment, LongBuffer.wrap(entry.getValue()), shape));
        }
      }
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
    }
    return inputs;
  }

  @Override
  public void close() {
    try {
      prepared.values().forEach(inputs -> inputs.values().forEach(OnnxTensor::close));
      session.close();
      options.close();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
    }
  }
}
