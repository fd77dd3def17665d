package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Downloads artifacts through the user's own Maven, so that its settings and mirrors count. */
public final class MavenFetch {
  private static final String COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy";

  private static final String ERROR = "[ERROR]";

  private MavenFetch() {}

  /**
   * The jar of an artifact: on the class path, in the local repository, in the cache, or fetched
   * now. Where Maven's own repository lies is the affair of its settings: it copies the jar for us.
   *
   * @throws InputException if Maven cannot be run or does not find the artifact
   */
  public static Path jar(MavenArtifact artifact) {
    Path cached = artifact.in(Cache.directory().resolve("maven"));
    return artifact
        .find()
        .orElseGet(() -> {
          if (!Files.isRegularFile(cached)) {
            fetch(artifact, cached);
          }
          return cached;
        });
  }

  private static void fetch(MavenArtifact artifact, Path target) {
    Cache.make();
    Console.say("fetching %s with Maven", artifact);
    try (TemporaryFolder folder = TemporaryFolder.create()) {
      maven(
          List.of(COPY, "-Dartifact=" + artifact.asMaven(), "-DoutputDirectory=" + folder.path()),
          artifact.toString());
      Files.createDirectories(target.getParent());
      // Copied first: the cache may be on another disk, and must never hold half a jar.
      Path beside = target.resolveSibling(target.getFileName() + "." + folder.path().getFileName());
      Files.copy(folder.path().resolve(target.getFileName()), beside);
      Files.move(
          beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot keep " + artifact + " in the cache", e);
    }
  }

  /**
   * Runs Maven quietly in an empty folder: a pom.xml where the user happens to be is none of ours.
   *
   * @param arguments goals and options, paths absolute
   * @param what named in the error if that fails
   */
  public static void maven(List<String> arguments, String what) {
    List<String> command = new ArrayList<>(List.of("mvn", "-B", "-q", "-Dstyle.color=never"));
    command.addAll(arguments);
    try (TemporaryFolder empty = TemporaryFolder.create()) {
      Subprocess.Ended maven = Subprocess.run(empty.path(), command);
      if (maven.code() != 0) {
        throw InputException.in(
            null,
            what,
            "could not be fetched; check the name and the network, or run '%s' to see more. Maven said: %s"
                .formatted(
                    String.join(" ", command),
                    maven
                        .output()
                        .lines()
                        .filter(line -> line.contains(ERROR))
                        // Maven resets colours at the start of lines even where it uses none.
                        .map(line -> line.substring(line.indexOf(ERROR)))
                        .findFirst()
                        .orElse("nothing")));
      }
    } catch (IOException e) {
      throw InputException.in(
          null,
          what,
          "cannot run mvn (" + e.getMessage() + "); install Maven or put it on the PATH");
    }
  }
}
