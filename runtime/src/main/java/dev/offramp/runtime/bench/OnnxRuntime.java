package dev.offramp.runtime.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.InputException;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.List;

/** What the modes of ONNX Runtime have in common. */
final class OnnxRuntime {
  private OnnxRuntime() {}

  /** Something that ONNX Runtime may fail at. */
  interface Call<T> {
    T make() throws OrtException;
  }

  /** Token ids and their mask, I64 [rows, longest] each, on the Java heap. */
  record Tokens(long[] ids, long[] mask, long[] shape) {
    static Tokens of(List<int[]> batch) {
      int longest = batch.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
      long[] ids = new long[batch.size() * longest];
      long[] mask = new long[ids.length];
      for (int r = 0; r < batch.size(); r++) {
        int[] tokens = batch.get(r);
        for (int p = 0; p < tokens.length; p++) {
          ids[r * longest + p] = tokens[p];
          mask[r * longest + p] = 1;
        }
      }
      return new Tokens(ids, mask, new long[] {batch.size(), longest});
    }
  }

  static <T> T call(Call<T> call) {
    try {
      return call.make();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime: " + e.getMessage(), e);
    }
  }

  /** Options of a session with every graph optimization. */
  static OrtSession.SessionOptions options(int threads) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    // Its threads spin within a run as ever, but not on while another mode has its turn.
    options.addConfigEntry("session.force_spinning_stop", "1");
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    return options;
  }

  /**
   * @throws InputException if the file is none that ONNX Runtime can load
   */
  static OrtSession open(Path onnx, int threads) {
    try (OrtSession.SessionOptions options = options(threads)) {
      return OrtEnvironment.getEnvironment().createSession(onnx.toString(), options);
    } catch (OrtException e) {
      throw InputException.in(
          onnx,
          null,
          "ONNX Runtime cannot load it (" + e.getMessage() + "); name an ONNX file of the network");
    }
  }

  /** A tensor with a copy of the values. */
  static OnnxTensor tensor(long[] values, long[] shape) {
    return call(() ->
        OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), LongBuffer.wrap(values), shape));
  }
}
