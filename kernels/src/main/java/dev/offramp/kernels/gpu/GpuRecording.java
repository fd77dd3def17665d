package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Recording;
import dev.offramp.kernels.gpu.Driver.Captured;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A list of operations. What they launch is captured once for each bucket of bounds that comes up
 * more than once, so that a replay is one call of the driver.
 */
final class GpuRecording implements Recording {
  /** Captures kept; the one unused for longest goes first. */
  private static final int CAPTURES = 48;

  private final Driver driver;
  private final GpuDevice device;
  private List<Supplier<Operation>> calls;
  private int generation;

  /** Null for a bucket that was seen once: seldom ones are not worth a capture. */
  private final Map<List<Bounds>, Captured> captures = new LinkedHashMap<>(16, 0.75f, true);

  GpuRecording(GpuDevice device, Driver driver, List<Supplier<Operation>> calls) {
    this.device = device;
    this.driver = driver;
    this.calls = calls;
  }

  @Override
  public void replay() {
    if (calls == null) {
      throw new IllegalStateException("replay: the recording is closed");
    }
    device.requireOpen("replay");
    device.requireNotRecording("replay");
    // Checks the arguments again: buffers may have been closed.
    List<Operation> operations = new ArrayList<>(calls.size());
    for (Supplier<Operation> call : calls) {
      operations.add(call.get());
    }
    List<Bounds> bounds = new ArrayList<>(operations.size());
    boolean anything = false;
    GpuRows rows = null;
    Bounds bucket = null;
    for (Operation operation : operations) {
      if (operation.rows() != rows) {
        rows = operation.rows();
        bucket = rows.bounds().bucket();
      }
      bounds.add(bucket);
      anything |= bucket.rows() > 0;
      if (operation.compacts()) {
        bucket = bucket.sparse();
      }
    }
    if (!anything) {
      return;
    }
    for (Operation operation : operations) {
      if (operation.compacts()) {
        operation.rows().compacted(); // Beforehand: whatever fails, rows may have left.
      }
    }
    if (generation != device.generation()) {
      forgetCaptures();
      generation = device.generation();
    }
    if (!captures.containsKey(bounds)) {
      run(operations, bounds);
      captures.put(bounds, null);
      dropOldest();
    } else {
      Captured captured = captures.get(bounds);
      if (captured == null) {
        captured = capture(operations, bounds);
        captures.put(bounds, captured);
      }
      captured.launch();
    }
  }

  private static void run(List<Operation> operations, List<Bounds> bounds) {
    for (int i = 0; i < operations.size(); i++) {
      if (bounds.get(i).rows() > 0) {
        operations.get(i).launch().accept(bounds.get(i));
      }
    }
  }

  private Captured capture(List<Operation> operations, List<Bounds> bounds) {
    driver.beginCapture();
    try {
      run(operations, bounds);
    } catch (RuntimeException | Error e) {
      driver.abandonCapture();
      throw e;
    }
    return driver.endCapture();
  }

  private void dropOldest() {
    if (captures.size() > CAPTURES) {
      var oldest = captures.entrySet().iterator();
      Captured captured = oldest.next().getValue();
      oldest.remove();
      if (captured != null) {
        device.awaitIdle();
        captured.close();
      }
    }
  }

  @Override
  public void close() {
    if (calls != null) {
      calls = null;
      forgetCaptures();
    }
  }

  private void forgetCaptures() {
    if (!captures.isEmpty() && !device.closed()) {
      device.awaitIdle(); // A capture that is still running must not go.
    }
    for (Captured captured : captures.values()) {
      if (captured != null && !device.closed()) {
        captured.close();
      }
    }
    captures.clear();
  }
}
