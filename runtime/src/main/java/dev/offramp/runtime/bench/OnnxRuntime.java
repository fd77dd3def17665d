package dev.offramp.runtime.bench;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.InputException;
import dev.offramp.runtime.scheduler.Worker;
import java.nio.file.Path;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** What the modes of ONNX Runtime have in common. */
final class OnnxRuntime {
  /**
   * When it starts, ONNX Runtime 1.29 searches the process's command line by a recursion that takes
   * some 270 bytes of stack for each character: on a thread like others, 4,000 characters end the
   * process by a segmentation fault. This is enough for a million; what is unused takes no memory.
   */
  private static final long STACK_BYTES = 256 << 20;

  private static OrtEnvironment environment;

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

  static synchronized OrtEnvironment environment() {
    if (environment == null) {
      FutureTask<OrtEnvironment> start = new FutureTask<>(OrtEnvironment::getEnvironment);
      Worker.awaitEnd(Thread.ofPlatform().name("onnxruntime").stackSize(STACK_BYTES).start(start));
      if (start.state() != Future.State.SUCCESS) {
        throw new IllegalStateException("ONNX Runtime does not start", start.exceptionNow());
      }
      environment = start.resultNow();
    }
    return environment;
  }

  /** Options of a session with every graph optimization. */
  private static OrtSession.SessionOptions options(int threads) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    // Its threads spin within a run as ever, but not on while another mode has its turn.
    options.addConfigEntry("session.force_spinning_stop", "1");
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    return options;
  }

  /**
   * @throws InputException if the file is none that ONNX Runtime can load, or there is no such card
   *     or library of CUDA
   */
  static OrtSession open(Path onnx, OnnxTarget target) {
    // On a card the processor does no more than hand out work.
    int threads = target instanceof OnnxTarget.Processor processor ? processor.threads() : 1;
    environment();
    try (OrtSession.SessionOptions options = options(threads)) {
      if (target instanceof OnnxTarget.Card card) {
        OnnxCuda.add(card, options);
      }
      return environment().createSession(onnx.toString(), options);
    } catch (OrtException e) {
      throw InputException.in(
          onnx,
          null,
          "ONNX Runtime cannot load it (" + e.getMessage() + "); name an ONNX file of the network");
    }
  }
}
