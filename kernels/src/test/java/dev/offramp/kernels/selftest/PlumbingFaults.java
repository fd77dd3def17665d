package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.ExitSignal;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Recording;
import dev.offramp.kernels.selftest.Faults.Fault;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Devices that copy, compact, record or keep their memory wrongly, whatever they compute. */
final class PlumbingFaults {
  private PlumbingFaults() {}

  static List<Fault> all() {
    return Stream.of(copyFaults(), compactFaults(), recordingFaults(), otherFaults())
        .flatMap(List::stream)
        .toList();
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
            jvm -> ValueFaults.altered("attention", 1e-3f).apply(jvm)));
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

  private static List<Fault> otherFaults() {
    return List.of(
        new Fault(
            "attention",
            "it throws",
            jvm ->
                new Bumped(jvm, "attention") {
                  @Override
                  void bump(LiveRows rows, Buffer... outs) {
                    throw new DeviceException("cuLaunchKernel failed");
                  }
                }),
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
  }
}
