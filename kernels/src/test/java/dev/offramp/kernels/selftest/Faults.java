package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Recording;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Devices on which one thing has gone wrong. */
final class Faults {
  private Faults() {}

  /** One thing gone wrong, which cases of that operation must show. */
  record Fault(String operation, String what, Function<Device, Device> device) {
    @Override
    public String toString() {
      return operation + ": " + what;
    }
  }

  static Stream<Fault> all() {
    List<Fault> faults = new ArrayList<>();
    for (String operation :
        List.of(
            "gemm BIAS",
            "gemm BIAS_GELU",
            "gemm BIAS_RELU",
            "gemm BIAS_RESIDUAL",
            "gemm BIAS_RESIDUAL_RELU",
            "layerNorm",
            "embed",
            "attention",
            "convolve BIAS",
            "convolve BIAS_GELU",
            "convolve BIAS_RELU",
            "convolve BIAS_RESIDUAL",
            "convolve BIAS_RESIDUAL_RELU",
            "pixels",
            "maxPool",
            "gridPool",
            "shortcut",
            "pool")) {
      faults.add(new Fault(operation, "one value off by 1e-3", altered(operation, 1e-3f)));
      faults.add(new Fault(operation, "one value NaN", altered(operation, Float.NaN)));
      if (!operation.equals("pool")) {
        faults.add(new Fault(operation, "a dead row written", deadRow(operation)));
      }
      if (!operation.equals("pixels")) {
        faults.add(new Fault(operation, "NaN comes out as 0", withoutNan(operation)));
      }
    }
    for (int line = 0; line < Confidence.values().length; line++) {
      int score = line;
      faults.add(
          new Fault(
              "exitHead",
              Confidence.values()[line] + " off by 1e-3",
              jvm ->
                  new Bumped(jvm, "exitHead") {
                    @Override
                    void bump(LiveRows rows, Buffer... outs) {
                      add(outs[0], score * (int) outs[0].elements() / 3, 1e-3f);
                    }
                  }));
    }
    faults.add(
        new Fault(
            "exitHead",
            "a probability off by 1e-3",
            jvm ->
                new Bumped(jvm, "exitHead") {
                  @Override
                  void bump(LiveRows rows, Buffer... outs) {
                    if (outs[2] != null) {
                      add(outs[2], 0, 1e-3f);
                    }
                  }
                }));
    faults.add(
        new Fault(
            "exitHead",
            "always the first class",
            jvm ->
                new Bumped(jvm, "exitHead") {
                  @Override
                  void bump(LiveRows rows, Buffer... outs) {
                    device.copyIn(MemorySegment.ofArray(new int[1]), outs[1], 0).await();
                  }
                }));
    faults.addAll(copyFaults());
    faults.addAll(linearFaults());
    faults.addAll(ImageFaults.all());
    faults.addAll(compactFaults());
    faults.addAll(recordingFaults());
    for (String operation :
        List.of(
            "gemm BIAS_RELU",
            "gemm BIAS_GELU",
            "attention",
            "layerNorm",
            "convolve BIAS_RELU",
            "convolve BIAS_RESIDUAL",
            "gridPool",
            "exitHead")) {
      faults.add(
          new Fault(
              "independence",
              "a last bit of " + operation + " is another in large batches",
              lastBit(operation)));
    }
    faults.add(
        new Fault(
            "attention",
            "it throws",
            jvm ->
                new Bumped(jvm, "attention") {
                  @Override
                  void bump(LiveRows rows, Buffer... outs) {
                    throw new DeviceException("cuLaunchKernel failed");
                  }
                }));
    faults.add(
        new Fault(
            "pool",
            "memory is kept",
            jvm ->
                new AlteredDevice(jvm) {
                  private long kept;

                  @Override
                  void after(String operation, LiveRows rows, Buffer... outs) {
                    kept += 4;
                  }

                  @Override
                  public long liveBytes() {
                    return device.liveBytes() + kept;
                  }
                }));
    return faults.stream();
  }

  private static List<Fault> copyFaults() {
    return List.of(
        new Fault(
            "copyIn",
            "the last byte is lost",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Event copyIn(MemorySegment source, Buffer target, long at) {
                    byte[] bytes = source.toArray(ValueLayout.JAVA_BYTE);
                    bytes[bytes.length - 1] ^= 1;
                    return device.copyIn(MemorySegment.ofArray(bytes), target, at);
                  }
                }),
        new Fault(
            "copyIn",
            "always to the start",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Event copyIn(MemorySegment source, Buffer target, long at) {
                    return device.copyIn(source, target, 0);
                  }
                }),
        new Fault(
            "copyOut",
            "always from the start",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Event copyOut(Buffer source, long at, MemorySegment target) {
                    return device.copyOut(source, 0, target);
                  }
                }),
        new Fault(
            "copyOut",
            "only the copy that is waited for arrives",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Event copyOut(Buffer source, long at, MemorySegment target) {
                    return () -> device.copyOut(source, at, target).await();
                  }
                }),
        new Fault(
            "copyIn",
            "memory is not zeroed",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Buffer allocate(DataType type, long elements) {
                    Buffer buffer = device.allocate(type, elements);
                    byte[] ones = new byte[(int) elements * type.bytes()];
                    Arrays.fill(ones, (byte) 1);
                    device.copyIn(MemorySegment.ofArray(ones), buffer, 0).await();
                    return buffer;
                  }
                }));
  }

  private static List<Fault> linearFaults() {
    return List.of(
        new Fault(
            "gemm BIAS",
            "the bias is left out",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Linear linear(
                      int in, int out, MemorySegment weight, DataType type, MemorySegment bias) {
                    return device.linear(in, out, weight, type, null);
                  }
                }),
        new Fault(
            "gemm BIAS",
            "BF16 is read as F16",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Linear linear(
                      int in, int out, MemorySegment weight, DataType type, MemorySegment bias) {
                    DataType read = type == DataType.BF16 ? DataType.F16 : type;
                    return device.linear(in, out, weight, read, bias);
                  }
                }),
        new Fault(
            "gemm BIAS_RESIDUAL",
            "the residual is left out",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  void multiply(
                      LiveRows rows, Linear map, Buffer in, Epilogue e, Buffer r, Buffer out) {
                    device.gemm(rows, map, in, Epilogue.BIAS, null, out);
                  }
                }));
  }

  private static List<Fault> compactFaults() {
    return List.of(
        new Fault(
            "compact",
            "nobody leaves",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void compact(LiveRows rows, ExitSignal s, Confidence c, float lambda) {}
                }),
        new Fault(
            "compact",
            "not strict",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void compact(LiveRows rows, ExitSignal s, Confidence c, float lambda) {
                    super.compact(rows, s, c, Math.nextDown(lambda));
                  }
                }),
        new Fault(
            "compact",
            "always by the first score",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void compact(LiveRows rows, ExitSignal s, Confidence c, float lambda) {
                    super.compact(rows, s, Confidence.TOP1, lambda);
                  }
                }),
        new Fault(
            "compact",
            "NaN leaves",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public void compact(LiveRows rows, ExitSignal s, Confidence c, float lambda) {
                    float[] scores = new float[(int) s.scores().elements()];
                    device.copyOut(s.scores(), 0, MemorySegment.ofArray(scores)).await();
                    for (int i = 0; i < scores.length; i++) {
                      scores[i] = Float.isNaN(scores[i]) ? 1 : scores[i];
                    }
                    device.copyIn(MemorySegment.ofArray(scores), s.scores(), 0).await();
                    super.compact(rows, s, c, lambda);
                  }
                }));
  }

  private static List<Fault> recordingFaults() {
    return List.of(
        new Fault(
            "recording",
            "operations run when recorded",
            jvm ->
                new AlteredDevice(jvm) {
                  @Override
                  public Recording record(Runnable operations) {
                    operations.run();
                    return super.record(operations);
                  }
                }),
        new Fault("recording", "a replay does nothing", jvm -> replaying(jvm, 0)),
        new Fault("recording", "a replay runs twice", jvm -> replaying(jvm, 2)),
        new Fault(
            "recording",
            "one value off by 1e-3 in a replay",
            jvm -> altered("attention", 1e-3f).apply(jvm)));
  }

  private static Device replaying(Device jvm, int times) {
    return new AlteredDevice(jvm) {
      @Override
      public Recording record(Runnable operations) {
        Recording recording = super.record(operations);
        return new Recording() {
          @Override
          public void replay() {
            for (int i = 0; i < times; i++) {
              recording.replay();
            }
          }

          @Override
          public void close() {
            recording.close();
          }
        };
      }
    };
  }

  /** Alters the first value of the first live row, by adding or to NaN. */
  static Function<Device, Device> altered(String operation, float by) {
    return jvm ->
        new Bumped(jvm, operation) {
          @Override
          void bump(LiveRows rows, Buffer... outs) {
            int stride = (int) outs[0].elements() / rows.capacity();
            add(outs[0], operation.equals("pool") ? 0 : rows.rows()[0] * stride, by);
          }
        };
  }

  /** What comes of sums that are split otherwise where there are many rows. */
  private static Function<Device, Device> lastBit(String operation) {
    return jvm ->
        new Bumped(jvm, operation) {
          @Override
          void bump(LiveRows rows, Buffer... outs) {
            if (rows.count() > 100) {
              int stride = (int) outs[0].elements() / rows.capacity();
              float[] value = new float[1];
              int at = operation.equals("exitHead") ? 0 : rows.rows()[0] * stride;
              device.copyOut(outs[0], at, MemorySegment.ofArray(value)).await();
              value[0] = Math.nextUp(value[0]);
              device.copyIn(MemorySegment.ofArray(value), outs[0], at).await();
            }
          }
        };
  }

  private static Function<Device, Device> deadRow(String operation) {
    return jvm ->
        new Bumped(jvm, operation) {
          @Override
          void bump(LiveRows rows, Buffer... outs) {
            int stride = (int) outs[0].elements() / rows.capacity();
            for (int row = 0; row < rows.capacity(); row++) {
              int candidate = row;
              if (Arrays.stream(rows.rows()).noneMatch(live -> live == candidate)) {
                add(outs[0], row * stride, 1);
                return;
              }
            }
          }
        };
  }

  private static Function<Device, Device> withoutNan(String operation) {
    return jvm ->
        new Bumped(jvm, operation) {
          @Override
          void bump(LiveRows rows, Buffer... outs) {
            float[] values = floats(outs[0]);
            for (int i = 0; i < values.length; i++) {
              values[i] = Float.isNaN(values[i]) ? 0 : values[i];
            }
            device.copyIn(MemorySegment.ofArray(values), outs[0], 0).await();
          }
        };
  }

  /** Changes what one operation has written. */
  private abstract static class Bumped extends AlteredDevice {
    private final String operation;

    Bumped(Device jvm, String operation) {
      super(jvm);
      this.operation = operation;
    }

    abstract void bump(LiveRows rows, Buffer... outs);

    @Override
    final void after(String called, LiveRows rows, Buffer... outs) {
      if (called.equals(operation) && rows.count() > 0) {
        bump(rows, outs);
      }
    }

    final float[] floats(Buffer buffer) {
      float[] values = new float[(int) buffer.elements()];
      device.copyOut(buffer, 0, MemorySegment.ofArray(values)).await();
      return values;
    }

    final void add(Buffer buffer, int at, float value) {
      float[] values = floats(buffer);
      values[at] += value;
      device.copyIn(MemorySegment.ofArray(values), buffer, 0).await();
    }
  }
}
