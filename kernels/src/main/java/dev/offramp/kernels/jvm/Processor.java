package dev.offramp.kernels.jvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the operating system calls the processor. */
final class Processor {
  private static final Path LINUX = Path.of("/proc/cpuinfo");

  private Processor() {}

  static String name() {
    try (Stream<String> lines = Files.lines(LINUX)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(architecture());
    } catch (IOException e) {
      return architecture(); // not Linux
    }
  }

  private static String architecture() {
    return System.getProperty("os.arch") + " processor";
  }
}
