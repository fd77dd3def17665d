package dev.offramp.kernels;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM of its own with the tests' class path, for what a process can have or do once only. */
public final class OtherJvm {
  private OtherJvm() {}

  /** Runs a class with these options; errors come with the output. */
  public static ProcessBuilder running(Class<?> main, String... options) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:TieredStopAtLevel=1");
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    return new ProcessBuilder(command).redirectErrorStream(true);
  }
}
