package dev.offramp.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's choice of JVM options, seen by a java that only prints them. */
class LauncherTest {
  private static final String REASON = "-Dofframp.tornado=";
  private static final String SERIAL = "-XX:+UseSerialGC";

  @TempDir private Path folder;
  private Path home;
  private Path sdk;
  private String locale = "";

  @BeforeEach
  void write() throws IOException {
    home = Files.createDirectories(folder.resolve("home"));
    script(home.resolve("offramp"), Files.readString(Path.of("../offramp")));
    script(
        folder.resolve("jdk/bin/java"),
        "#!/bin/sh\nprintf '%s\\n' \"$@\" \"locale ${LC_ALL:-}\"\n");
    Files.writeString(folder.resolve("jdk/release"), "JAVA_VERSION=\"25.0.1\"\n");
    sdk = folder.resolve("an sdk");
    Files.createDirectories(sdk.resolve("share/java/tornado"));
  }

  private void completeSdk() throws IOException {
    Files.createFile(sdk.resolve("share/java/tornado/tornado-api-5.2.1-jdk25.jar"));
    Files.createFile(sdk.resolve("tornado-argfile"));
  }

  @Test
  void withoutTheVariableTheKernelsSayWhatIsMissing() throws Exception {
    sdk = null;
    for (String[] command : asking()) {
      assertThat(launch(command)).contains(SERIAL).noneMatch(line -> line.contains("tornado-arg"));
      assertThat(launch(command)).noneMatch(line -> line.startsWith(REASON));
    }
  }

  /** Or the JVM could not name files beyond ASCII. */
  @Test
  void theLocaleOfCronAndContainersKnowsAllCharacters() throws Exception {
    for (String plain : new String[] {"", "C", "POSIX"}) {
      locale = plain;
      assertThat(launch("run")).contains("locale C.UTF-8");
    }
    locale = "de_DE.UTF-8";
    assertThat(launch("run")).as("a locale that was chosen").contains("locale ");
  }

  @Test
  void aFolderThatIsNoSdkIsNamed() throws Exception {
    for (String[] command : asking()) {
      assertThat(launch(command))
          .contains(SERIAL)
          .noneMatch(line -> line.startsWith("@"))
          .anyMatch(line -> line.startsWith(REASON + "TORNADOVM_HOME is " + sdk));
    }
  }

  @Test
  void withoutItsArgumentFileTheCommandThatWritesItIsNamed() throws Exception {
    completeSdk();
    Files.delete(sdk.resolve("tornado-argfile"));
    for (String[] command : asking()) {
      assertThat(launch(command))
          .contains(SERIAL)
          .anyMatch(line ->
              line.startsWith(REASON) && line.contains(sdk + "/bin/tornado --generate-argfile"));
    }
  }

  @Test
  void aJvmThatDoesNotStartIsTriedBeforehand() throws Exception {
    completeSdk();
    script(
        folder.resolve("jdk/bin/java"),
        """
        #!/bin/sh
        case $1 in
          @*) echo 'WARNING: old'; echo 'Module tornado.runtime not found' >&2; exit 1 ;;
        esac
        printf '%s\\n' "$@"
        """);
    assertThat(launch("doctor"))
        .contains(SERIAL)
        .anyMatch(line ->
            line.startsWith(REASON)
                && line.contains("Module tornado.runtime not found")
                && !line.contains("WARNING"));
  }

  @Test
  void tornadoVmGetsAJvmOfItsOwn() throws Exception {
    completeSdk();
    for (String[] command : asking()) {
      assertThat(launch(command))
          .contains(
              "@" + sdk + "/tornado-argfile",
              "-Dtornado.recover.bailout=false",
              "tornado.runtime/uk.ac.manchester.tornado.runtime.tasks=ALL-UNNAMED",
              "-XX:-UseParallelGC",
              SERIAL)
          .anyMatch(line -> line.endsWith("runtime/target/offramp/tornado/*"))
          .containsSubsequence("dev.offramp.runtime.cli.Main", command[0]);
    }
  }

  @Test
  void otherDevicesKeepTheUsualJvm() throws Exception {
    completeSdk();
    for (String[] command :
        List.of(
            new String[] {"run", "--device", "jvm"},
            new String[] {"run", "--input", "tornado:0"},
            new String[] {"demo", "doctor"},
            new String[] {"doctor", "--self-test", "--device", "opencl:0"})) {
      assertThat(launch(command))
          .contains(SERIAL)
          .noneMatch(line -> line.contains("tornado-argfile") || line.startsWith(REASON));
    }
  }

  @Test
  void aBundleSaysThatItsJvmIsNotEnough() throws Exception {
    completeSdk();
    Files.createDirectories(home.resolve("jre"));
    for (String[] command : asking()) {
      assertThat(launch(command))
          .contains(SERIAL)
          .anyMatch(line -> line.startsWith(REASON) && line.contains("bundle"));
    }
  }

  @Test
  void theModuleIsBuiltWhenItIsFirstAskedFor() throws Exception {
    completeSdk();
    mvn("");
    assertThat(launch("run")).anyMatch(line -> line.startsWith("mvn with ''"));
    assertThat(launch("run")).noneMatch(line -> line.startsWith("mvn"));
    assertThat(launch("doctor"))
        .anyMatch(line ->
            line.startsWith("mvn with '" + sdk + "'")
                && line.contains("-Dtornado.version=5.2.1-jdk25"));
    for (String[] command : asking()) {
      assertThat(launch(command)).noneMatch(line -> line.startsWith("mvn"));
    }
    Path api = sdk.resolve("share/java/tornado/tornado-api-5.2.1-jdk25.jar");
    Files.move(api, api.resolveSibling("tornado-api-5.3.0-jdk25.jar"));
    assertThat(launch("run")).noneMatch(line -> line.startsWith("mvn"));
    assertThat(launch("doctor"))
        .as("another SDK")
        .anyMatch(line -> line.contains("-Dtornado.version=5.3.0-jdk25"));
    assertThat(launch("doctor")).noneMatch(line -> line.startsWith("mvn"));
  }

  /** Or it would take away the jars of the first, which would then be held to be complete. */
  @Test
  void aSecondBuildWaitsForTheFirst() throws Exception {
    assumeTrue(hasFlock(), "no flock here, so no lock");
    sdk = null;
    Path begun = folder.resolve("begun");
    Path go = folder.resolve("go");
    mvn(
        """
        touch '%s'
        n=0
        until [ -e '%s' ] || [ $((n += 1)) -gt 1500 ]; do sleep 0.02; done
        : > %s/lib/a.jar
        """
            .formatted(begun, go, jars()));
    Process first = start(folder.resolve("first"), "run");
    awaitThat(() -> Files.exists(begun));
    Process second = start(folder.resolve("second"), "run");
    Process third = start(folder.resolve("third"), "run");
    for (String waiting : List.of("second", "third")) {
      awaitThat(() ->
          Files.readString(folder.resolve(waiting)).contains("waiting for another build to end"));
    }
    // One that gives up leaves the first as it is.
    third.destroy();
    assertThat(third.waitFor()).isNotZero();
    Files.createFile(go);
    assertThat(first.waitFor()).isZero();
    assertThat(second.waitFor()).isZero();
    assertThat(Files.readAllLines(folder.resolve("first"))).anyMatch(LauncherTest::built);
    assertThat(Files.readAllLines(folder.resolve("second")))
        .as("what the first has built is taken")
        .noneMatch(LauncherTest::built)
        .contains("dev.offramp.runtime.cli.Main");
    assertThat(jars().resolve("lib/a.jar")).exists();
    assertThat(launch("run")).noneMatch(line -> built(line) || line.contains("waiting"));
  }

  @Test
  void aBuildThatWasKilledHoldsUpNobody() throws Exception {
    sdk = null;
    Path begun = folder.resolve("begun");
    // No child that might start between the look at the processes and their end.
    mvn("touch '%s'; exec sleep 60".formatted(begun));
    Process killed = start(folder.resolve("killed"), "run");
    awaitThat(() -> Files.exists(begun));
    List<ProcessHandle> all = new ArrayList<>(killed.descendants().toList());
    all.add(killed.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
    assertThat(killed.waitFor()).isNotZero();
    for (ProcessHandle one : all) {
      one.onExit().join();
    }
    mvn("");
    assertThat(launch("run"))
        .anyMatch(LauncherTest::built)
        .noneMatch(line -> line.contains("waiting"));
    assertThat(launch("run")).noneMatch(LauncherTest::built);
  }

  @Test
  void aSourceThatIsSavedDuringTheBuildIsBuiltNextTime() throws Exception {
    completeSdk();
    Path sources = Files.createDirectories(home.resolve("models/src/main"));
    for (String command : List.of("run", "doctor")) {
      mvn("sleep 0.05; touch '%s'; sleep 0.05".formatted(sources.resolve(command + ".java")));
      assertThat(launch(command)).anyMatch(LauncherTest::built);
      mvn("");
      assertThat(launch(command)).as("%s after a change", command).anyMatch(LauncherTest::built);
      assertThat(launch(command)).noneMatch(LauncherTest::built);
    }
  }

  private Path jars() {
    return home.resolve("runtime/target/offramp");
  }

  /** A Maven that makes the folders, does this, and stamps them as the build does. */
  private void mvn(String does) throws IOException {
    if (Files.notExists(home.resolve("pom.xml"))) {
      Files.createFile(home.resolve("pom.xml"));
    }
    script(
        folder.resolve("bin/mvn"),
        """
        #!/bin/sh
        mkdir -p %1$s/lib
        touch %1$s/begun
        [ -z "${TORNADOVM_HOME:-}" ] || mkdir -p %1$s/tornado
        echo "mvn with '${TORNADOVM_HOME:-}' $*" >&2
        %2$s
        mv %1$s/begun %1$s/lib/.built
        """
            .formatted(jars(), does));
  }

  private static boolean built(String line) {
    return line.startsWith("mvn with");
  }

  private static boolean hasFlock() {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(in -> Files.isExecutable(Path.of(in, "flock")));
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void awaitThat(Condition condition) throws Exception {
    long until = System.nanoTime() + 30_000_000_000L;
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("this takes too long").isLessThan(until);
      Thread.sleep(10);
    }
  }

  /** Commands that need TornadoVM. */
  private static List<String[]> asking() {
    return List.of(
        new String[] {"doctor", "--json"},
        new String[] {"run", "--device", "tornado:0"},
        new String[] {"doctor", "--self-test", "--device=tornado:1"});
  }

  /** What the launcher prints and, from its java, the arguments of the JVM, one a line. */
  private List<String> launch(String... arguments) throws IOException, InterruptedException {
    Path output = folder.resolve("output");
    int code = start(output, arguments).waitFor();
    List<String> lines = Files.readAllLines(output);
    assertThat(code).as(lines.toString()).isZero();
    return lines;
  }

  private Process start(Path output, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(home.resolve("offramp").toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("OFFRAMP_JAVA", folder.resolve("jdk/bin/java").toString());
    builder.environment().merge("PATH", folder.resolve("bin") + ":", (old, own) -> own + old);
    builder.environment().remove("OFFRAMP_JAVA_OPTS");
    builder.environment().remove("TORNADOVM_HOME");
    builder.environment().remove("LC_CTYPE");
    builder.environment().put("LC_ALL", "");
    builder.environment().put("LANG", locale);
    if (sdk != null) {
      builder.environment().put("TORNADOVM_HOME", sdk.toString());
    }
    return builder.start();
  }

  private static void script(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
