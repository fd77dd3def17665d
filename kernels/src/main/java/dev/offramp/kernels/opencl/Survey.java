package dev.offramp.kernels.opencl;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.Probe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What OpenCL has here.
 *
 * @param devices all, usable or not, in the loader's order
 * @param problem what else was found wrong, in sentences: no loader, no platform, a platform that
 *     fails; or an empty text
 */
record Survey(List<Found> devices, String problem) {
  /**
   * A device that is there.
   *
   * @param device null if it does not say what it is
   * @param problem why it cannot be used, in a sentence, or an empty text
   */
  record Found(String id, Candidate device, String problem) {
    Probe probe() {
      return problem.isEmpty()
          ? new Probe(id, true, device.found(), device.info(Precision.F32), device.processor())
          : new Probe(id, false, problem, null, device != null && device.processor());
    }
  }

  static Survey take(Library library) {
    if (!library.present()) {
      return new Survey(List.of(), library.problem());
    }
    List<Found> devices = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (long platform : platforms(arena)) {
        String name = "A platform without a name";
        try {
          name = name(arena, platform);
          for (long handle : devices(arena, platform)) {
            devices.add(found(devices.size(), name, handle));
          }
        } catch (DeviceException e) {
          problems.add(name + ": " + e.getMessage() + ".");
        }
      }
    } catch (DeviceException e) {
      problems.add(e.getMessage() + ".");
    }
    return new Survey(devices, String.join(" ", problems));
  }

  List<Probe> probes() {
    List<Probe> probes = new ArrayList<>(devices.stream().map(Found::probe).toList());
    if (!problem.isEmpty()) {
      probes.add(new Probe("opencl", false, problem, null, false));
    }
    return probes;
  }

  private static Found found(int number, String platform, long handle) {
    try {
      Candidate device = Candidate.of(number, platform, handle);
      return new Found(device.id(), device, device.problem());
    } catch (DeviceException e) {
      return new Found("opencl:" + number, null, e.getMessage() + ".");
    }
  }

  private static long[] platforms(Arena arena) {
    MemorySegment count = arena.allocate(JAVA_INT);
    int code = OpenCl.getPlatformIds(0, NULL, count);
    int n = code == Codes.SUCCESS ? count.get(JAVA_INT, 0) : 0;
    if (code == Codes.SUCCESS && n == 0) {
      code = Codes.PLATFORM_NOT_FOUND;
    }
    check(code, "clGetPlatformIDs");
    MemorySegment ids = arena.allocate(ADDRESS, n);
    check(OpenCl.getPlatformIds(n, ids, NULL), "clGetPlatformIDs");
    return ids.toArray(JAVA_LONG);
  }

  private static long[] devices(Arena arena, long platform) {
    MemorySegment count = arena.allocate(JAVA_INT);
    check(OpenCl.getDeviceIds(platform, 0, NULL, count), "clGetDeviceIDs");
    int n = count.get(JAVA_INT, 0);
    MemorySegment ids = arena.allocate(ADDRESS, n);
    check(OpenCl.getDeviceIds(platform, n, ids, NULL), "clGetDeviceIDs");
    return ids.toArray(JAVA_LONG);
  }

  private static String name(Arena arena, long platform) {
    MemorySegment size = arena.allocate(JAVA_LONG);
    int what = 0x0902;
    check(OpenCl.getPlatformInfo(platform, what, NULL, size), "clGetPlatformInfo");
    MemorySegment text = arena.allocate(size.get(JAVA_LONG, 0) + 1);
    check(OpenCl.getPlatformInfo(platform, what, text, NULL), "clGetPlatformInfo");
    return text.getString(0).strip();
  }

  private static void check(int code, String call) {
    if (code != Codes.SUCCESS) {
      throw Codes.failure("OpenCL", code, call);
    }
  }
}
