package dev.offramp.runtime.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of this process as the operating system counts it. */
public final class ProcessMemory {
  private ProcessMemory() {}

  /** Peak resident size in bytes, or -1 where the system does not tell (other than Linux). */
  public static long peakResidentBytes() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElse(-1);
    } catch (IOException e) {
      return -1;
    }
  }
}
