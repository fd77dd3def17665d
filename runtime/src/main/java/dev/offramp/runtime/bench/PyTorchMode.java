package dev.offramp.runtime.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.io.TemporaryFolder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * PyTorch on the same weights at full depth, eager or by torch.compile, in a process of its own:
 * {@code pytorch_peer.py} says what it is asked. Times are taken in there, from token ids on the
 * host to results on the host, so that the pipe is not counted.
 */
public final class PyTorchMode implements Mode {
  public static final String EAGER = "pytorch";
  public static final String COMPILED = "pytorch-compile";

  private static final String SCRIPT = "pytorch_peer.py";
  private static final String LEFT_OUT = "leftOut";
  private static final String ERROR = "error";

  private final String name;
  private final TemporaryFolder folder;
  private final Coprocess python;
  private final JsonObject about;
  private final Map<List<int[]>, Integer> numbers = new IdentityHashMap<>();

  /**
   * Where and how PyTorch is to compute.
   *
   * @param device {@code cuda:N}, {@code gpu} for the one whose name is in the description, or
   *     {@code cpu}; where PyTorch sees no GPU it is the processor
   * @param description of the device that it is compared with
   * @param threads on the processor
   */
  public record Placement(String device, String description, int threads, Precision precision) {}

  /**
   * Starts Python and loads the model.
   *
   * @param name {@link #EAGER} or {@link #COMPILED}
   * @param interpreter a Python 3 that has PyTorch
   * @throws InputException if it cannot be started or cannot load the model
   */
  public PyTorchMode(String name, String interpreter, ModelDirectory model, Placement placement) {
    this.name = name;
    folder = TemporaryFolder.create();
    Coprocess started = null;
    try {
      Path script = folder.path().resolve(SCRIPT);
      try (InputStream source = PyTorchMode.class.getResourceAsStream(SCRIPT)) {
        Files.copy(source, script);
      }
      started =
          new Coprocess(
              name, List.of(interpreter, script.toString()), folder.path().resolve("stderr"));
      JsonObject request = new JsonObject();
      request.addProperty("load", model.path().toAbsolutePath().toString());
      request.addProperty("compile", name.equals(COMPILED));
      request.addProperty("device", placement.device());
      request.addProperty("name", placement.description());
      request.addProperty("threads", placement.threads());
      request.addProperty("precision", placement.precision().name().toLowerCase(Locale.ROOT));
      python = started;
      about = ask(request);
      about.addProperty("threads", placement.threads());
      about.add("precision", request.get("precision"));
    } catch (IOException | PeerException e) {
      if (started != null) {
        started.close();
      }
      folder.close();
      throw InputException.in(
          null,
          "--against " + name,
          "%s cannot run PyTorch (%s); install PyTorch, or name a Python that has it with --python"
              .formatted(interpreter, e.getMessage()));
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean runsOn(DeviceInfo benched, boolean processor) {
    return processor == field(about, "device").getAsString().equals("cpu");
  }

  /** Version of PyTorch, device, kind of attention, precision: for the record. */
  public JsonObject about() {
    return about;
  }

  /**
   * Sends the batches, which compiles for their shapes where that is asked for, and checks that
   * PyTorch computes the same.
   */
  @Override
  public Optional<String> prepare(List<List<int[]>> batches, BatchRunner runner) {
    numbers.clear();
    JsonArray all = new JsonArray();
    for (List<int[]> batch : batches) {
      JsonArray rows = new JsonArray();
      for (int[] tokens : batch) {
        JsonArray row = new JsonArray();
        for (int id : tokens) {
          row.add(id);
        }
        rows.add(row);
      }
      numbers.put(batch, all.size());
      all.add(rows);
    }
    JsonObject request = new JsonObject();
    request.add("batches", all);
    JsonObject answer = ask(request);
    if (answer.has(LEFT_OUT)) {
      return Optional.of(answer.get(LEFT_OUT).getAsString());
    }
    Agreement.require(name, runner, batches, this::results);
    return Optional.empty();
  }

  @Override
  public void run(List<int[]> batch) {
    time(batch);
  }

  @Override
  public double time(List<int[]> batch) {
    return field(ask("run", numbers.get(batch)), "seconds").getAsDouble();
  }

  @Override
  public boolean overlaps() {
    return true;
  }

  @Override
  public double timeAll(List<List<int[]>> batches) {
    JsonArray which = new JsonArray();
    batches.forEach(batch -> which.add(numbers.get(batch)));
    JsonObject request = new JsonObject();
    request.add("runAll", which);
    return field(ask(request), "seconds").getAsDouble();
  }

  /** What PyTorch says of one batch, as {@code pytorch_peer.py} puts it. */
  JsonObject results(List<int[]> batch) {
    return ask("results", numbers.get(batch));
  }

  /**
   * What the device does at best: {@code copyGigabytesPerSecond}, bytes read and written, and for
   * each precision it has {@code f32Tflops} and so on of products of {@code matrixSize}.
   */
  public JsonObject ceilings() {
    JsonObject request = new JsonObject();
    request.addProperty("ceilings", true);
    return ask(request);
  }

  private JsonObject ask(String what, int batch) {
    JsonObject request = new JsonObject();
    request.addProperty(what, batch);
    return ask(request);
  }

  private JsonObject ask(JsonObject request) {
    JsonObject answer = python.ask(request);
    if (answer.has(ERROR)) {
      throw new PeerException(name + " failed: " + answer.get(ERROR).getAsString());
    }
    return answer;
  }

  static JsonElement field(JsonObject answer, String field) {
    if (!answer.has(field)) {
      throw new PeerException("the peer answered " + answer + " without '" + field + "'");
    }
    return answer.get(field);
  }

  @Override
  public void close() {
    python.close();
    folder.close();
  }
}
