package dev.offramp.runtime.bench;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;

/**
 * A CUDA device by JCuda's driver API, with cuBLAS and the kernels of {@code jcuda_peer.cu}. Work
 * is queued on the default stream. Every call may throw a {@link CudaException} with its code's
 * name; {@link #failure} adds the call's.
 */
final class JCudaDevice implements AutoCloseable {
  private static final String KERNELS = "jcuda_peer.ptx";
  private static final int THREADS = 128; // BLOCK of jcuda_peer.cu

  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final CUmodule module = new CUmodule();
  private final Map<String, CUfunction> functions = new HashMap<>();
  final cublasHandle cublas = new cublasHandle();

  /**
   * Takes hold of the device's primary context.
   *
   * @param number as the driver counts
   * @throws InputException if JCuda, the driver or cuBLAS of CUDA 12 is not here or does not start
   */
  JCudaDevice(int number) {
    load("the CUDA driver", () -> JCudaDriver.setExceptionsEnabled(true));
    load("cuBLAS of CUDA 12", () -> JCublas2.setExceptionsEnabled(true));
    boolean retained = false;
    try {
      JCudaDriver.cuInit(0);
      JCudaDriver.cuDeviceGet(device, number);
      JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
      retained = true;
      makeCurrent();
      JCudaDriver.cuModuleLoadData(module, kernels());
      JCublas2.cublasCreate(cublas); // Its math mode is the default one: fp32, not TF32.
    } catch (CudaException e) {
      if (retained) {
        close();
      }
      throw unusable("CUDA device %d cannot be used: %s".formatted(number, failure(e)));
    }
  }

  private static void load(String what, Runnable use) {
    try {
      use.run();
    } catch (LinkageError e) {
      // Of JCuda's page of text the last reason names the library that the system did not find.
      String reason =
          String.valueOf(e.getMessage())
              .lines()
              .filter(line -> line.startsWith("java.lang.UnsatisfiedLinkError: "))
              .map(line -> line.substring(line.indexOf(' ') + 1))
              .reduce("it failed before in this process", (first, last) -> last);
      throw unusable("JCuda cannot load %s (%s)".formatted(what, reason));
    }
  }

  private static InputException unusable(String why) {
    return InputException.in(
        null,
        "--against " + JCudaMode.NAME,
        why
            + "; it needs an NVIDIA driver and CUDA 12's libcublas.so.12 where the system looks for"
            + " libraries, as by LD_LIBRARY_PATH");
  }

  private static byte[] kernels() {
    try (InputStream in = JCudaDevice.class.getResourceAsStream(KERNELS)) {
      String ptx = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return (ptx + "\0").getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The card's name. */
  String name() {
    byte[] name = new byte[256];
    JCudaDriver.cuDeviceGetName(name, name.length, device);
    String text = new String(name, StandardCharsets.UTF_8);
    return text.substring(0, text.indexOf('\0'));
  }

  /** Such as 12.6.3. */
  String cublasVersion() {
    int[] version = {0};
    JCublas2.cublasGetVersion(cublas, version);
    int v = version[0];
    return "%d.%d.%d".formatted(v / 10_000, v / 100 % 100, v % 100);
  }

  /** The name of the call that failed and that of its code. */
  static String failure(CudaException e) {
    String call =
        Stream.of(e.getStackTrace())
            .map(StackTraceElement::getMethodName)
            .filter(method -> method.startsWith("cu"))
            .findFirst()
            .orElse("a CUDA call");
    return call + " failed: " + e.getMessage();
  }

  /** For the calling thread. */
  void makeCurrent() {
    JCudaDriver.cuCtxSetCurrent(context);
  }

  /** Queues a kernel of blocks of 128 threads; arguments are {@link CUdeviceptr}, int or float. */
  void launch(String kernel, long blocks, Object... arguments) {
    CUfunction function =
        functions.computeIfAbsent(
            kernel,
            name -> {
              CUfunction found = new CUfunction();
              JCudaDriver.cuModuleGetFunction(found, module, name);
              return found;
            });
    Pointer[] pointers =
        Arrays.stream(arguments).map(JCudaDevice::argument).toArray(Pointer[]::new);
    JCudaDriver.cuLaunchKernel(
        function,
        Math.toIntExact(blocks),
        1,
        1,
        THREADS,
        1,
        1,
        0,
        null,
        Pointer.to(pointers),
        null);
  }

  private static Pointer argument(Object argument) {
    return switch (argument) {
      case CUdeviceptr memory -> Pointer.to(memory);
      case Integer number -> Pointer.to(new int[] {number});
      case Float number -> Pointer.to(new float[] {number});
      default -> throw new IllegalArgumentException("an argument " + argument);
    };
  }

  /** Waits for all that is queued. */
  void await() {
    JCudaDriver.cuCtxSynchronize();
  }

  /** Frees what it can: after an error of the device every call fails. */
  static void release(Runnable call) {
    try {
      call.run();
    } catch (CudaException e) {
      // There is nobody to be told, and the process's end frees the rest.
    }
  }

  @Override
  public void close() {
    release(this::makeCurrent);
    release(() -> JCublas2.cublasDestroy(cublas));
    release(() -> JCudaDriver.cuModuleUnload(module));
    release(() -> JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }

  /** Memory of the device and pinned memory of the host that are freed together. */
  static final class Room implements AutoCloseable {
    private final List<CUdeviceptr> device = new ArrayList<>();
    private final List<Pointer> host = new ArrayList<>();

    /** Memory of the device, of undefined content. */
    CUdeviceptr allocate(long bytes) {
      CUdeviceptr memory = new CUdeviceptr();
      JCudaDriver.cuMemAlloc(memory, bytes);
      device.add(memory);
      return memory;
    }

    /** Memory of the host that the device copies from and to while others work. */
    Pointer pinned(long bytes) {
      Pointer memory = new Pointer();
      JCudaDriver.cuMemAllocHost(memory, bytes);
      host.add(memory);
      return memory;
    }

    @Override
    public void close() {
      device.forEach(memory -> release(() -> JCudaDriver.cuMemFree(memory)));
      host.forEach(memory -> release(() -> JCudaDriver.cuMemFreeHost(memory)));
      device.clear();
      host.clear();
    }
  }
}
