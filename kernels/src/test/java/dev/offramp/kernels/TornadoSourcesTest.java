package dev.offramp.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The module in the folder tornado is built only where TornadoVM's SDK is, which is hardly
 * anywhere. Its sources are compiled here without it, and what they say of TornadoVM is left aside:
 * what remains is that they and the rest of the project have grown apart.
 */
class TornadoSourcesTest {
  /** A type outside of the module; which of TornadoVM's it misses is no matter. */
  private static final Pattern OURS =
      Pattern.compile("\\bdev\\.offramp\\.kernels\\.(?!tornado\\b)");

  @TempDir private Path folder;

  @Test
  void theySuitTheRestOfTheProject() throws IOException {
    assertThat(faults(sources())).isEmpty();
  }

  @Test
  void oneThatDoesNotIsFound() throws IOException {
    Path source = folder.resolve("Apart.java");
    Files.writeString(
        source,
        """
        package dev.offramp.kernels.tornado;

        import dev.offramp.kernels.Device;
        import dev.offramp.kernels.gpu.NotThere;
        import uk.ac.manchester.tornado.api.KernelContext;

        class Apart {
          KernelContext context;

          int a(Device device, KernelContext given) {
            context.localBarrier();
            return device.notThere() + given.globalIdx;
          }

          void b(Device device) {
            device.close(7);
          }
        }
        """);
    assertThat(faults(List.of(source)))
        .hasSize(3)
        .anyMatch(fault -> fault.contains("NotThere"))
        .anyMatch(fault -> fault.contains("notThere()"))
        .anyMatch(fault -> fault.contains("close"));
  }

  private static List<Path> sources() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("tornado/src/main/java"))) {
      return files.filter(file -> file.toString().endsWith(".java")).toList();
    }
  }

  /** Errors about types outside of the module. */
  private List<String> faults(List<Path> sources) throws IOException {
    return compile(sources).stream()
        .filter(found -> found.getKind() == Diagnostic.Kind.ERROR)
        .map(Object::toString)
        .filter(text -> OURS.matcher(text).find())
        .toList();
  }

  private List<Diagnostic<? extends JavaFileObject>> compile(List<Path> sources)
      throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    try (StandardJavaFileManager files =
        compiler.getStandardFileManager(found, Locale.ROOT, null)) {
      List<String> options =
          List.of(
              "-proc:none",
              "-d",
              folder.toString(),
              "-cp",
              System.getProperty("java.class.path"),
              "-Xmaxerrs",
              "100000",
              // Types are looked at although imports are missing.
              "-XDshould-stop.ifError=FLOW");
      compiler
          .getTask(null, files, found, options, null, files.getJavaFileObjectsFromPaths(sources))
          .call();
    }
    return found.getDiagnostics();
  }
}
