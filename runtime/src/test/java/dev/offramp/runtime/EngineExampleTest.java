package dev.offramp.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example in the Javadoc of {@link Engine} compiles and runs. */
class EngineExampleTest {
  private static final Path SOURCE = Path.of("src/main/java/dev/offramp/runtime/Engine.java");

  @TempDir private Path folder;

  @Test
  void theExampleRuns() throws Exception {
    Path model = TinyModel.write(folder.resolve("model"), 33, 1, 2, 4);
    String program =
        """
        import dev.offramp.runtime.Engine;
        import dev.offramp.runtime.EngineOptions;
        import dev.offramp.runtime.Request;
        import dev.offramp.runtime.Result;
        import java.nio.file.Path;
        import java.time.Duration;
        import java.util.ArrayList;
        import java.util.List;
        import java.util.concurrent.Future;

        public class Example {
          public static void run(List<String> texts) throws Exception {
            %s
          }
        }
        """
            .formatted(
                example()
                    .replace("Path.of(\"classifier\")", "Path.of(\"" + model + "\")")
                    .replace(
                        "EngineOptions.throughput()",
                        "EngineOptions.throughput()"
                            + ".withPolicy(new EngineOptions.Policy.ByHand(0.6))"));
    Path source = Files.writeString(folder.resolve("Example.java"), program);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter errors = new StringWriter();
    try (var files = compiler.getStandardFileManager(null, null, null)) {
      boolean compiled =
          compiler
              .getTask(
                  errors,
                  files,
                  null,
                  List.of("-d", folder.toString(), "-cp", System.getProperty("java.class.path")),
                  null,
                  files.getJavaFileObjects(source))
              .call();
      assertThat(compiled).as(errors.toString()).isTrue();
    }
    List<String> texts = TinyModel.sentences(3, 20);
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      loader.loadClass("Example").getMethod("run", List.class).invoke(null, texts);
    } finally {
      System.setOut(before);
    }
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .hasSize(texts.size() + 1)
        .allMatch(line -> line.matches("(one|two|three) by exit [012]|(one|two|three), (.*)"));
  }

  private static String example() throws Exception {
    String source = Files.readString(SOURCE);
    int from = source.indexOf("{@snippet :") + "{@snippet :".length();
    int to = source.indexOf("\n * }\n *\n", from);
    return source.substring(from, to).replaceAll("(?m)^ \\* ?", "");
  }
}
