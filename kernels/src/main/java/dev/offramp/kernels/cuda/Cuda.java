package dev.offramp.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** The functions of libcuda that Offramp calls, and the names of its errors. */
final class Cuda {
  static final List<String> NAMES = List.of("libcuda.so.1", "libcuda.so", "nvcuda.dll");

  /** The oldest CUDA version that a driver must support: the first with all functions used. */
  static final int OLDEST_DRIVER = 11040;

  static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int DEVICE_UNAVAILABLE = 46;
  static final int INVALID_PTX = 218;
  static final int UNSUPPORTED_PTX_VERSION = 222;
  static final int NOT_READY = 600;

  static final int MAX_THREADS_PER_BLOCK = 1;
  static final int MULTIPROCESSOR_COUNT = 16;
  static final int CAPABILITY_MAJOR = 75;
  static final int CAPABILITY_MINOR = 76;
  static final int MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;
  static final int MEMORY_POOLS_SUPPORTED = 115;

  static final int STREAM_NON_BLOCKING = 1;
  static final int EVENT_BLOCKING_SYNC_NO_TIMING = 1 | 2;
  static final int CAPTURE_THREAD_LOCAL = 1;
  static final int MEMPOOL_RELEASE_THRESHOLD = 4;
  static final int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;
  static final int LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION = 6;
  static final int JIT_ERROR_LOG_BUFFER = 5;
  static final int JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6;

  final Library library;
  final NativeFunction init;
  final NativeFunction driverGetVersion;
  final NativeFunction getErrorName;
  final NativeFunction getErrorString;
  final NativeFunction deviceGetCount;
  final NativeFunction deviceGet;
  final NativeFunction deviceGetName;
  final NativeFunction deviceTotalMem;
  final NativeFunction deviceGetAttribute;
  final NativeFunction deviceGetMemPool;
  final NativeFunction primaryCtxRetain;
  final NativeFunction primaryCtxRelease;
  final NativeFunction ctxSetCurrent;
  final NativeFunction streamCreate;
  final NativeFunction streamDestroy;
  final NativeFunction streamSynchronize;
  final NativeFunction streamBeginCapture;
  final NativeFunction streamEndCapture;
  final NativeFunction memPoolSetAttribute;
  final NativeFunction memPoolTrimTo;
  final NativeFunction memAllocAsync;
  final NativeFunction memFreeAsync;
  final NativeFunction memAlloc;
  final NativeFunction memFree;
  final NativeFunction memHostAlloc;
  final NativeFunction memFreeHost;
  final NativeFunction memcpyHtoDAsync;
  final NativeFunction memcpyDtoHAsync;
  final NativeFunction memsetD8Async;
  final NativeFunction eventCreate;
  final NativeFunction eventDestroy;
  final NativeFunction eventRecord;
  final NativeFunction eventQuery;
  final NativeFunction eventSynchronize;
  final NativeFunction moduleLoadDataEx;
  final NativeFunction moduleUnload;
  final NativeFunction moduleGetFunction;
  final NativeFunction funcSetAttribute;
  final NativeFunction launchKernel;
  final NativeFunction launchKernelEx;
  final NativeFunction graphInstantiate;
  final NativeFunction graphDestroy;
  final NativeFunction graphUpload;
  final NativeFunction graphLaunch;
  final NativeFunction graphExecDestroy;

  Cuda(Library library) {
    this.library = library;
    init = library.function("cuInit", "i");
    driverGetVersion = library.function("cuDriverGetVersion", "p");
    getErrorName = library.function("cuGetErrorName", "ip");
    getErrorString = library.function("cuGetErrorString", "ip");
    deviceGetCount = library.function("cuDeviceGetCount", "p");
    deviceGet = library.function("cuDeviceGet", "pi");
    deviceGetName = library.function("cuDeviceGetName", "pii");
    deviceTotalMem = library.function("cuDeviceTotalMem_v2", "pi");
    deviceGetAttribute = library.function("cuDeviceGetAttribute", "pii");
    deviceGetMemPool = library.function("cuDeviceGetMemPool", "pi");
    primaryCtxRetain = library.function("cuDevicePrimaryCtxRetain", "pi");
    primaryCtxRelease = library.function("cuDevicePrimaryCtxRelease_v2", "i");
    ctxSetCurrent = library.function("cuCtxSetCurrent", "l");
    streamCreate = library.function("cuStreamCreate", "pi");
    streamDestroy = library.function("cuStreamDestroy_v2", "l");
    streamSynchronize = library.function("cuStreamSynchronize", "l");
    streamBeginCapture = library.function("cuStreamBeginCapture_v2", "li");
    streamEndCapture = library.function("cuStreamEndCapture", "lp");
    memPoolSetAttribute = library.function("cuMemPoolSetAttribute", "lip");
    memPoolTrimTo = library.function("cuMemPoolTrimTo", "ll");
    memAllocAsync = library.function("cuMemAllocAsync", "pll");
    memFreeAsync = library.function("cuMemFreeAsync", "ll");
    memAlloc = library.function("cuMemAlloc_v2", "pl");
    memFree = library.function("cuMemFree_v2", "l");
    memHostAlloc = library.function("cuMemHostAlloc", "pli");
    memFreeHost = library.function("cuMemFreeHost", "p");
    memcpyHtoDAsync = library.function("cuMemcpyHtoDAsync_v2", "lpll");
    memcpyDtoHAsync = library.function("cuMemcpyDtoHAsync_v2", "plll");
    memsetD8Async = library.function("cuMemsetD8Async", "lbll");
    eventCreate = library.function("cuEventCreate", "pi");
    eventDestroy = library.function("cuEventDestroy_v2", "l");
    eventRecord = library.function("cuEventRecord", "ll");
    eventQuery = library.function("cuEventQuery", "l");
    eventSynchronize = library.function("cuEventSynchronize", "l");
    moduleLoadDataEx = library.function("cuModuleLoadDataEx", "ppipp");
    moduleUnload = library.function("cuModuleUnload", "l");
    moduleGetFunction = library.function("cuModuleGetFunction", "plp");
    funcSetAttribute = library.function("cuFuncSetAttribute", "lii");
    launchKernel = library.function("cuLaunchKernel", "liiiiiiilpp");
    launchKernelEx = library.function("cuLaunchKernelEx", "plpp");
    graphInstantiate = library.function("cuGraphInstantiateWithFlags", "pll");
    graphDestroy = library.function("cuGraphDestroy", "l");
    graphUpload = library.function("cuGraphUpload", "ll");
    graphLaunch = library.function("cuGraphLaunch", "ll");
    graphExecDestroy = library.function("cuGraphExecDestroy", "l");
  }

  /** What a failed call says: its name, the code's name and number, the driver's text, a remedy. */
  String error(String call, int code) {
    try (Arena arena = Arena.ofConfined()) {
      String text = text(getErrorString, code, arena);
      String remedy = remedy(code);
      return "%s failed: %s (%d)%s%s"
          .formatted(
              call,
              text(getErrorName, code, arena),
              code,
              text.isEmpty() ? "" : ": " + text,
              remedy.isEmpty() ? "" : "; " + remedy);
    }
  }

  /**
   * After these nothing in the process can use the device again. A device that is not available
   * (46) is none: the driver refuses it, and may give it later.
   */
  static boolean isLost(int code) {
    return switch (code) {
      case 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 911, 999 -> true;
      // The server of MPS failed, or has ended this client of it.
      case 806, 810 -> true;
      default -> false;
    };
  }

  private static String text(NativeFunction function, int code, Arena arena) {
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    if (function.call(code, out) != SUCCESS) {
      return "";
    }
    MemorySegment text = out.get(ValueLayout.ADDRESS, 0);
    return text.address() == 0 ? "" : text.reinterpret(Long.MAX_VALUE).getString(0);
  }

  private static String remedy(int code) {
    return switch (code) {
      case OUT_OF_MEMORY -> "use a smaller batch, or end other programs on the device";
      case 34 -> "this is the toolkit's stub of libcuda: install the NVIDIA driver";
      case DEVICE_UNAVAILABLE ->
          "another process has the device for itself, or it is in a failed state: end that process,"
              + " or let several share the device by 'nvidia-smi -c 0'";
      case 100 -> "look whether nvidia-smi lists a device and CUDA_VISIBLE_DEVICES allows it";
      case INVALID_PTX ->
          "update the NVIDIA driver, or take the kernels from elsewhere: from the PTX in the jar by"
              + " -Dofframp.cuda.modules=ptx, or by NVRTC of the driver's CUDA version, where it is"
              + " installed with libnvrtc-builtins";
      case 200, 209 -> "clear the device cache folder, or update the NVIDIA driver";
      case UNSUPPORTED_PTX_VERSION ->
          "update the NVIDIA driver, install NVRTC of the driver's CUDA version, or take the kernels"
              + " from the PTX in the jar by -Dofframp.cuda.modules=ptx";
      case 221 -> "the driver lacks its PTX compiler: install libnvidia-ptxjitcompiler or NVRTC";
      case 802 -> "the fabric manager or another NVIDIA service is not running yet";
      case 803 -> "driver library and kernel module differ: reboot, or install them anew";
      case 804 -> "remove the CUDA compatibility package, or update the NVIDIA driver";
      default -> "";
    };
  }
}
