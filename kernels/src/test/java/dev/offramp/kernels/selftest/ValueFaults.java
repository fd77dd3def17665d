package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Confidence;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.Linear;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.selftest.Faults.Fault;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Devices on which an operation computes a wrong number, or where none is to be. */
final class ValueFaults {
  private ValueFaults() {}

  static List<Fault> all() {
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
    faults.addAll(linearFaults());
    return faults;
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
}
