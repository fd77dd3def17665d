package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * The peer jcuda beside the jvm device, on CUDA device 0: prints a line a check and ends with 1 if
 * one failed, with 2 and the reason if there is no such device. Takes an empty folder.
 */
final class JCudaCheck {
  private static final double TOLERANCE = 1e-4;
  private static final int ROWS = 9;

  private static int failed;

  private JCudaCheck() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    try {
      heads(folder, "gelu", Head.ofText("mean", "top1"));
      heads(folder, "relu", Head.ofText("first", "margin"));
      heads(folder, "gelu", Head.ofText("max", "entropy"));
      backbones(folder);
      checkNothingIsLeft();
    } catch (InputException e) {
      System.out.println(e.getMessage());
      System.exit(2);
    }
    System.out.println(failed == 0 ? "all passed" : failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }

  private static void heads(Path folder, String activation, Head head) throws IOException {
    String what = "%s, %s, %s".formatted(activation, head.pooling(), head.confidence());
    Path sure = TinyModel.write(folder.resolve("sure"), 8, activation, head, 2, TinyModel.LAYERS);
    Path path = PyTorchModeTest.unsure(sure, folder.resolve(head.confidence()));
    // Rows of different lengths, of one, and one row.
    List<int[]> ragged = TinyModel.tokens(9, ROWS);
    List<int[]> even =
        ragged.stream().filter(row -> row.length > 5).map(row -> Arrays.copyOf(row, 5)).toList();
    List<List<int[]>> batches = List.of(ragged, even, List.of(ragged.get(1)));
    try (ModelDirectory model = ModelDirectory.open(path);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS);
        JCudaMode mode = new JCudaMode(model, 0)) {
      mode.prepare(batches, runner);
      double seconds = mode.timeAll(batches);
      check("%s: a time above 0".formatted(what), seconds > 0);
      for (List<int[]> batch : batches) {
        JsonObject answer = mode.lastResults(batch);
        List<Outcome> outcomes = runner.run(batch, BatchRunner.NEVER);
        double worst = 0;
        int same = 0;
        for (int r = 0; r < batch.size(); r++) {
          Outcome own = outcomes.get(r);
          int prediction = answer.getAsJsonArray("predictions").get(r).getAsInt();
          float confidence = answer.getAsJsonArray("confidences").get(r).getAsFloat();
          same += prediction == own.prediction() ? 1 : 0;
          worst = Math.max(worst, Math.abs(confidence - own.confidence()));
        }
        check(
            "%s: %d rows, confidences differ by %.2g".formatted(what, batch.size(), worst),
            same == batch.size() && worst < TOLERANCE);
      }
      var scores =
          runner.run(ragged, BatchRunner.NEVER).stream()
              .mapToDouble(Outcome::confidence)
              .summaryStatistics();
      check(what + ": confidences are far apart", scores.getMax() - scores.getMin() > 5e-3);
    }
  }

  private static void backbones(Path folder) throws IOException {
    Path path = TinyModel.write(folder.resolve("backbone"), 8);
    Path other = TinyModel.write(folder.resolve("other"), 9);
    List<int[]> rows = TinyModel.tokens(9, ROWS);
    try (ModelDirectory model = ModelDirectory.open(path);
        ModelDirectory another = ModelDirectory.open(other);
        Device device = Devices.open("jvm");
        BatchRunner runner = BatchRunner.open(model, device, ROWS, TinyModel.MAX_TOKENS);
        JCudaMode same = new JCudaMode(model, 0);
        JCudaMode different = new JCudaMode(another, 0)) {
      check("a backbone's hidden states agree", same.prepare(List.of(rows), runner).isEmpty());
      boolean refused = false;
      try {
        different.prepare(List.of(rows), runner);
      } catch (PeerException e) {
        refused = e.getMessage().contains("of " + ROWS + " rows only");
      }
      check("another backbone's do not", refused);
    }
  }

  /** Only fakegpu.cpp counts. */
  private static void checkNothingIsLeft() {
    SymbolLookup.libraryLookup("libcuda.so.1", Arena.global())
        .find("fake_alive")
        .ifPresent(count -> {
          MethodHandle call =
              Linker.nativeLinker()
                  .downcallHandle(count, FunctionDescriptor.of(ValueLayout.JAVA_INT));
          try {
            check("everything is freed", (int) call.invokeExact() == 0);
          } catch (Throwable e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static void check(String what, boolean passed) {
    failed += passed ? 0 : 1;
    System.out.println((passed ? "ok   " : "FAIL ") + what);
  }
}
