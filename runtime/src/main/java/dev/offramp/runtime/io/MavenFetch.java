package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Downloads artifacts through the user's own Maven, so that its settings and mirrors count. */
public final class MavenFetch {
  private MavenFetch() {}

  /** The jar of an artifact g:a:v: on the class path, in the local repository, or fetched now. */
  public static Path jar(String coordinate) {
    MavenArtifact artifact = MavenArtifact.parse(coordinate);
    Optional<Path> present = artifact.find();
    if (present.isPresent()) {
      return present.get();
    }
    Console.say("fetching %s with Maven", coordinate);
    maven(
        List.of(
            "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:get",
            "-Dartifact=" + coordinate,
            "-Dtransitive=false"),
        coordinate);
    return artifact.locate();
  }

  /**
   * Runs Maven quietly.
   *
   * @param what named in the error if that fails
   */
  public static void maven(List<String> arguments, String what) {
    List<String> command = new ArrayList<>(List.of("mvn", "-B", "-q"));
    command.addAll(arguments);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw InputException.in(
            null,
            what,
            "could not be fetched; run '%s' to see why. Maven said: %s"
                .formatted(
                    String.join(" ", command),
                    output
                        .lines()
                        .filter(line -> line.contains("ERROR"))
                        .findFirst()
                        .orElse("nothing")));
      }
    } catch (IOException e) {
      throw InputException.in(
          null,
          what,
          "cannot run mvn (" + e.getMessage() + "); install Maven or put it on the PATH");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while Maven ran", e);
    }
  }
}
