package dev.offramp.runtime.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.bench.JCudaDevice.Room;
import dev.offramp.runtime.bench.JCudaEncoder.Addresses;
import dev.offramp.runtime.bench.JCudaEncoder.Buffers;
import dev.offramp.runtime.engine.BatchRunner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/**
 * Full depth on a CUDA GPU as a Java engineer would write it today without this runtime: JCuda's
 * driver API, cuBLAS of CUDA 12 for all matrix products, single and batched, and small kernels of
 * its own ({@code jcuda_peer.cu}) for what is between them. Everything is in fp32. A batch's ids
 * lie in pinned memory before its time begins, which ends with predictions and confidences in
 * pinned memory.
 *
 * <p>It has not run on a GPU yet: its kernels and its calls were checked on a processor.
 */
public final class JCudaMode implements Mode {
  public static final String NAME = "jcuda";

  private final int number;
  private final JCudaDevice device;
  private final JCudaEncoder encoder;
  private final Room room = new Room();
  private final Map<List<int[]>, Input> inputs = new IdentityHashMap<>();
  private Buffers buffers;

  private record Shape(int rows, int tokens) {}

  /**
   * A batch in pinned memory.
   *
   * @param ids (rows, tokens) ints, then lengths (rows)
   * @param results (rows) predictions, ints, then confidences, floats
   */
  private record Input(
      Shape shape, Pointer ids, long bytes, Addresses addresses, Pointer results) {}

  /**
   * Opens the device and copies the weights to it.
   *
   * @param number of the CUDA device
   * @throws InputException if JCuda cannot load the driver or cuBLAS, or the device is not usable
   */
  public JCudaMode(ModelDirectory model, int number) {
    this.number = number;
    device = new JCudaDevice(number);
    try {
      encoder = call(() -> new JCudaEncoder(device, model));
    } catch (RuntimeException e) {
      device.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean runsOn(DeviceInfo benched, boolean processor) {
    return benched.id().equals("cuda:" + number);
  }

  /** Name of the card, version of cuBLAS, precision: for the record. */
  public JsonObject about() {
    JsonObject about = new JsonObject();
    about.addProperty("device", device.name());
    about.addProperty("cublas", device.cublasVersion());
    about.addProperty("precision", "f32");
    return about;
  }

  @Override
  public Optional<String> prepare(List<List<int[]>> batches, BatchRunner runner) {
    call(() -> {
      device.makeCurrent();
      device.await();
      inputs.clear();
      room.close();
      long rows = 0;
      long positions = 0;
      long scores = 0;
      for (List<int[]> batch : batches) {
        Shape shape = shape(batch);
        rows = Math.max(rows, shape.rows);
        positions = Math.max(positions, (long) shape.rows * shape.tokens);
        scores = Math.max(scores, encoder.scores(shape.rows, shape.tokens));
      }
      buffers = encoder.allocate(room, rows, positions, scores);
      Map<Shape, Addresses> addresses = new HashMap<>();
      for (List<int[]> batch : batches) {
        Addresses ofShape =
            addresses.computeIfAbsent(
                shape(batch), s -> encoder.addresses(room, buffers, s.rows, s.tokens));
        inputs.put(batch, input(batch, ofShape));
      }
      return null;
    });
    Agreement.require(NAME, runner, batches, this::results);
    return Optional.empty();
  }

  private static Shape shape(List<int[]> batch) {
    return new Shape(batch.size(), batch.stream().mapToInt(row -> row.length).max().orElseThrow());
  }

  private Input input(List<int[]> batch, Addresses addresses) {
    Shape shape = shape(batch);
    long bytes = Integer.BYTES * ((long) shape.rows * shape.tokens + shape.rows);
    Pointer ids = room.pinned(bytes);
    IntBuffer ints = bytes(ids, bytes).asIntBuffer();
    for (int r = 0; r < shape.rows; r++) {
      int[] row = batch.get(r);
      for (int t = 0; t < shape.tokens; t++) {
        ints.put(t < row.length ? row[t] : 0);
      }
    }
    batch.forEach(row -> ints.put(row.length));
    return new Input(shape, ids, bytes, addresses, room.pinned(2L * Float.BYTES * shape.rows));
  }

  private static ByteBuffer bytes(Pointer pinned, long bytes) {
    return pinned.getByteBuffer(0, bytes).order(ByteOrder.nativeOrder());
  }

  /** Queues a batch, from ids in pinned memory to results there. */
  private void enqueue(Input input) {
    int rows = input.shape.rows;
    JCudaDriver.cuMemcpyHtoDAsync(buffers.ids(), input.ids, input.bytes, null);
    encoder.forward(buffers, input.addresses, rows, input.shape.tokens);
    if (encoder.hasHead()) {
      JCudaDriver.cuMemcpyDtoHAsync(
          input.results, buffers.results(), 2L * Float.BYTES * rows, null);
    }
  }

  @Override
  public void run(List<int[]> batch) {
    timeAll(List.of(batch));
  }

  @Override
  public double time(List<int[]> batch) {
    return timeAll(List.of(batch));
  }

  @Override
  public boolean overlaps() {
    return true;
  }

  /** Queues all batches and waits once. */
  @Override
  public double timeAll(List<List<int[]>> batches) {
    return call(() -> {
      long start = System.nanoTime();
      device.makeCurrent();
      batches.forEach(batch -> enqueue(inputs.get(batch)));
      device.await();
      return (System.nanoTime() - start) / 1e9;
    });
  }

  private JsonObject results(List<int[]> batch) {
    run(batch);
    return lastResults(batch);
  }

  /**
   * What the batch's last run gave: {@code predictions} and {@code confidences} [rows]; without a
   * head {@code pooled} [rows, hidden], of the run before this call.
   */
  JsonObject lastResults(List<int[]> batch) {
    Input input = inputs.get(batch);
    int rows = input.shape.rows;
    JsonObject answer = new JsonObject();
    if (encoder.hasHead()) {
      ByteBuffer results = bytes(input.results, 2L * Float.BYTES * rows);
      JsonArray predictions = new JsonArray();
      JsonArray confidences = new JsonArray();
      for (int r = 0; r < rows; r++) {
        predictions.add(results.getInt(Integer.BYTES * r));
        confidences.add(results.getFloat(Float.BYTES * (rows + r)));
      }
      answer.add("predictions", predictions);
      answer.add("confidences", confidences);
    } else {
      answer.add("pooled", lines(buffers.pooled(), rows, encoder.hidden()));
    }
    return answer;
  }

  private static JsonArray lines(CUdeviceptr memory, int rows, int width) {
    float[] values = new float[rows * width];
    call(() -> JCudaDriver.cuMemcpyDtoH(Pointer.to(values), memory, 4L * values.length));
    FloatBuffer next = FloatBuffer.wrap(values);
    JsonArray lines = new JsonArray();
    for (int r = 0; r < rows; r++) {
      JsonArray line = new JsonArray();
      for (int j = 0; j < width; j++) {
        line.add(next.get());
      }
      lines.add(line);
    }
    return lines;
  }

  private static <T> T call(Supplier<T> calls) {
    try {
      return calls.get();
    } catch (CudaException e) {
      throw new PeerException(NAME + ": " + JCudaDevice.failure(e), e);
    }
  }

  @Override
  public void close() {
    JCudaDevice.release(device::makeCurrent);
    room.close();
    encoder.close();
    device.close();
  }
}
