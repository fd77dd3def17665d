package dev.offramp.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Runs the command line for tests, in this process or in one of its own. */
final class Offramp {
  private Offramp() {}

  record Outcome(int code, String out, String err) {
    JsonObject json() {
      return JsonParser.parseString(out).getAsJsonObject();
    }

    /** The cases of a bench. */
    List<JsonObject> cases() {
      return Offramp.cases(json());
    }

    /** The message alone, without the progress bars that share stderr. */
    String message() {
      return err.lines()
          .filter(line -> line.startsWith("offramp: "))
          .reduce((first, second) -> second)
          .orElse("");
    }
  }

  /** The cases of what a bench wrote. */
  static List<JsonObject> cases(JsonObject bench) {
    return bench.getAsJsonArray("cases").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  static Outcome offramp(Object... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream toOut = new ByteArrayOutputStream();
    ByteArrayOutputStream toErr = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(toOut, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(toErr, true, StandardCharsets.UTF_8));
      int code = Main.execute(strings(arguments).toArray(String[]::new));
      return new Outcome(
          code, toOut.toString(StandardCharsets.UTF_8), toErr.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** Bad input gives one clear message with {@code part} in it, and no result. */
  static void refuses(int code, String part, Object... arguments) {
    Outcome outcome = offramp(arguments);
    assertThat(outcome.message()).contains(part);
    assertThat(outcome.code()).isEqualTo(code);
    assertThat(outcome.err())
        .doesNotContain("\tat ")
        .doesNotContain("Exception")
        .doesNotContain("report it");
    assertThat(outcome.out()).isEmpty();
  }

  /**
   * Runs a process of its own, decoding what it writes as UTF-8.
   *
   * @param folder working directory, where its output is kept too
   */
  static Outcome process(
      Path folder, Map<String, String> environment, List<String> jvmOptions, Object... arguments)
      throws IOException, InterruptedException {
    return process(folder, environment, jvmOptions, absoluteClassPath(""), arguments);
  }

  /**
   * As {@link #process(Path, Map, List, Object...)}, without a library on the class path.
   *
   * @param library what the name of its jar begins with
   */
  static Outcome processWithout(String library, Path folder, Object... arguments)
      throws IOException, InterruptedException {
    return process(folder, Map.of(), List.of(), absoluteClassPath(library), arguments);
  }

  private static Outcome process(
      Path folder,
      Map<String, String> environment,
      List<String> jvmOptions,
      String classPath,
      Object... arguments)
      throws IOException, InterruptedException {
    int code = start(folder, environment, jvmOptions, classPath, arguments).waitFor();
    return new Outcome(
        code,
        Files.readString(folder.resolve("stdout")),
        Files.readString(folder.resolve("stderr")));
  }

  /**
   * Starts a process of its own, whose output goes to the files stdout and stderr.
   *
   * @param folder working directory, where its output is kept too
   */
  static Process start(Path folder, Object... arguments) throws IOException {
    return start(folder, Map.of(), List.of(), absoluteClassPath(""), arguments);
  }

  private static Process start(
      Path folder,
      Map<String, String> environment,
      List<String> jvmOptions,
      String classPath,
      Object... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector", "-XX:TieredStopAtLevel=1"));
    command.addAll(jvmOptions);
    command.addAll(List.of("-cp", classPath, Main.class.getName()));
    command.addAll(strings(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(folder.resolve("stdout").toFile())
            .redirectError(folder.resolve("stderr").toFile());
    builder.environment().putAll(environment);
    return builder.start();
  }

  /**
   * @param without what the name of a jar to leave out begins with, or empty for none
   */
  private static String absoluteClassPath(String without) {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath())
        .filter(entry -> without.isEmpty() || !entry.getFileName().toString().startsWith(without))
        .map(Path::toString)
        .reduce((one, other) -> one + File.pathSeparator + other)
        .orElseThrow();
  }

  /** The words of a line as typed in that folder: {@code ./x} is its file x. */
  static Object[] words(Path folder, String line) {
    return Arrays.stream(line.split(" "))
        .map(word -> word.startsWith("./") ? folder.resolve(word.substring(2)) : word)
        .toArray();
  }

  private static List<String> strings(Object... arguments) {
    return Arrays.stream(arguments).map(Object::toString).toList();
  }
}
