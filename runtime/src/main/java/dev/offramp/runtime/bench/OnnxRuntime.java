package dev.offramp.runtime.bench;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.InputException;
import java.nio.file.Path;

/** What the modes of ONNX Runtime have in common. */
final class OnnxRuntime {
  private OnnxRuntime() {}

  /** Something that ONNX Runtime may fail at. */
  interface Call<T> {
    T make() throws OrtException;
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
}
