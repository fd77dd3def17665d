package dev.offramp.kernels.opencl;

import dev.offramp.kernels.DeviceException;

/** Return codes of OpenCL: their names and what can be done about them. */
final class Codes {
  static final int SUCCESS = 0;
  static final int DEVICE_NOT_FOUND = -1;
  static final int DEVICE_NOT_AVAILABLE = -2;
  static final int MEM_OBJECT_ALLOCATION_FAILURE = -4;
  static final int OUT_OF_RESOURCES = -5;
  static final int OUT_OF_HOST_MEMORY = -6;
  static final int EXEC_STATUS_ERROR = -14;
  static final int INVALID_DEVICE = -33;
  static final int INVALID_CONTEXT = -34;
  static final int INVALID_COMMAND_QUEUE = -36;
  static final int INVALID_BUFFER_SIZE = -61;
  static final int PLATFORM_NOT_FOUND = -1001;

  private Codes() {}

  /** The failure of a call, for {@code "opencl:0"} or whatever was asked. */
  static DeviceException failure(String subject, int code, String call) {
    return new DeviceException(
        "%s: %s failed: %s (%d)%s".formatted(subject, call, name(code), code, remedy(code)));
  }

  /** Whether the device did not have the memory that a call needed. */
  static boolean isOutOfMemory(int code) {
    return code == MEM_OBJECT_ALLOCATION_FAILURE
        || code == OUT_OF_RESOURCES
        || code == OUT_OF_HOST_MEMORY
        || code == INVALID_BUFFER_SIZE;
  }

  /** Whether nothing that is queued after this code can succeed. */
  static boolean isLoss(int code) {
    return switch (code) {
      case DEVICE_NOT_AVAILABLE,
          EXEC_STATUS_ERROR,
          INVALID_DEVICE,
          INVALID_CONTEXT,
          INVALID_COMMAND_QUEUE ->
          true;
      default -> false;
    };
  }

  private static String remedy(int code) {
    return switch (code) {
      case DEVICE_NOT_AVAILABLE -> "; another program may hold the device";
      case MEM_OBJECT_ALLOCATION_FAILURE -> "; use a smaller batch or free memory of the device";
      case OUT_OF_RESOURCES -> "; a kernel needs more than the device has, or it faulted";
      case OUT_OF_HOST_MEMORY -> "; free memory of the machine";
      case -46 -> "; the program has no such kernel";
      case -54, -55 -> "; the device does not run groups of that size";
      case PLATFORM_NOT_FOUND ->
          "; no OpenCL driver is registered in /etc/OpenCL/vendors, install the GPU's or"
              + " pocl-opencl-icd";
      default -> "";
    };
  }

  static String name(int code) {
    return switch (code) {
      case SUCCESS -> "CL_SUCCESS";
      case DEVICE_NOT_FOUND -> "CL_DEVICE_NOT_FOUND";
      case DEVICE_NOT_AVAILABLE -> "CL_DEVICE_NOT_AVAILABLE";
      case -3 -> "CL_COMPILER_NOT_AVAILABLE";
      case MEM_OBJECT_ALLOCATION_FAILURE -> "CL_MEM_OBJECT_ALLOCATION_FAILURE";
      case OUT_OF_RESOURCES -> "CL_OUT_OF_RESOURCES";
      case OUT_OF_HOST_MEMORY -> "CL_OUT_OF_HOST_MEMORY";
      case -7 -> "CL_PROFILING_INFO_NOT_AVAILABLE";
      case -8 -> "CL_MEM_COPY_OVERLAP";
      case -11 -> "CL_BUILD_PROGRAM_FAILURE";
      case -12 -> "CL_MAP_FAILURE";
      case -13 -> "CL_MISALIGNED_SUB_BUFFER_OFFSET";
      case EXEC_STATUS_ERROR -> "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST";
      case -15 -> "CL_COMPILE_PROGRAM_FAILURE";
      case -16 -> "CL_LINKER_NOT_AVAILABLE";
      case -17 -> "CL_LINK_PROGRAM_FAILURE";
      case -19 -> "CL_KERNEL_ARG_INFO_NOT_AVAILABLE";
      case -30 -> "CL_INVALID_VALUE";
      case -31 -> "CL_INVALID_DEVICE_TYPE";
      case -32 -> "CL_INVALID_PLATFORM";
      case INVALID_DEVICE -> "CL_INVALID_DEVICE";
      case INVALID_CONTEXT -> "CL_INVALID_CONTEXT";
      case -35 -> "CL_INVALID_QUEUE_PROPERTIES";
      case INVALID_COMMAND_QUEUE -> "CL_INVALID_COMMAND_QUEUE";
      case -37 -> "CL_INVALID_HOST_PTR";
      case -38 -> "CL_INVALID_MEM_OBJECT";
      case -42 -> "CL_INVALID_BINARY";
      case -43 -> "CL_INVALID_BUILD_OPTIONS";
      case -44 -> "CL_INVALID_PROGRAM";
      case -45 -> "CL_INVALID_PROGRAM_EXECUTABLE";
      case -46 -> "CL_INVALID_KERNEL_NAME";
      case -47 -> "CL_INVALID_KERNEL_DEFINITION";
      case -48 -> "CL_INVALID_KERNEL";
      case -49 -> "CL_INVALID_ARG_INDEX";
      case -50 -> "CL_INVALID_ARG_VALUE";
      case -51 -> "CL_INVALID_ARG_SIZE";
      case -52 -> "CL_INVALID_KERNEL_ARGS";
      case -53 -> "CL_INVALID_WORK_DIMENSION";
      case -54 -> "CL_INVALID_WORK_GROUP_SIZE";
      case -55 -> "CL_INVALID_WORK_ITEM_SIZE";
      case -56 -> "CL_INVALID_GLOBAL_OFFSET";
      case -57 -> "CL_INVALID_EVENT_WAIT_LIST";
      case -58 -> "CL_INVALID_EVENT";
      case -59 -> "CL_INVALID_OPERATION";
      case INVALID_BUFFER_SIZE -> "CL_INVALID_BUFFER_SIZE";
      case -63 -> "CL_INVALID_GLOBAL_WORK_SIZE";
      case -64 -> "CL_INVALID_PROPERTY";
      case PLATFORM_NOT_FOUND -> "CL_PLATFORM_NOT_FOUND_KHR";
      default -> "a code of the driver's own";
    };
  }
}
