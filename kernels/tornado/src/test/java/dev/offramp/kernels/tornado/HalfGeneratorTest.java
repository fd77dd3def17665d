package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rules by which the build makes kernels for F16, on sources of a few lines. */
class HalfGeneratorTest {
  private static final String SOURCE =
      """
      import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

      final class Some {
        static void some(FloatArray gamma, FloatArray in, FloatArray out, int at) {
          float v = in.get(at + in.get(0)) * gamma.get(at); // what comes in. And goes out.
          Other.other(at, v, out);
          Plain.plain(v);
        }
      }
      """;

  private static final String OTHER =
      """
      import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

      final class Other {
        static void other(int at, float v, FloatArray out) {
          out.set(at, Math.max(v, 0.0f));
        }
      }
      """;

  @TempDir private static Path classes;

  @TempDir private Path folder;

  /** The build runs it from its source; no other does. */
  @BeforeAll
  static void compile() {
    String source = Path.of("src", "main", "codegen", "HalfGenerator.java").toString();
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-d", classes.toString(), source);
    assertThat(code).isZero();
  }

  @Test
  void activationsBecomeHalvesByTheirNames() throws Exception {
    assertThat(generate(SOURCE, OTHER)).isEmpty();
    assertThat(folder.resolve("out/HalfSome.java"))
        .hasContent(
            """
            // Generated from Some.java by HalfGenerator.
            import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
            import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

            final class HalfSome {
              static void some(FloatArray gamma, HalfFloatArray in, HalfFloatArray out, int at) {
                float v = Halves.get(in, at + Halves.get(in, 0)) * gamma.get(at); // what comes in. And goes out.
                HalfOther.other(at, v, out);
                Plain.plain(v);
              }
            }
            """);
    assertThat(folder.resolve("out/HalfOther.java"))
        .hasContent(
            """
            // Generated from Other.java by HalfGenerator.
            import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

            final class HalfOther {
              static void other(int at, float v, HalfFloatArray out) {
                Halves.set(out, at, Math.max(v, 0.0f));
              }
            }
            """);
  }

  @Test
  void whatItDoesNotKnowFailsTheBuild() throws Exception {
    assertThat(generate(SOURCE.replace("gamma", "delta"), OTHER))
        .contains("Some: is delta an array of halves or of floats?");
    assertThat(generate(SOURCE.replace("in.get(0)", "in.getSize()"), OTHER))
        .contains("Some: in.getSize: ");
    assertThat(generate(SOURCE.replace("in.get(0)", "in\n.get(0)"), OTHER)).contains("Some: in");
    assertThat(generate(SOURCE, OTHER.replace("int at", "IntArray in, int at")))
        .as("here no other array goes by that name")
        .isEmpty();
    assertThat(generate(SOURCE.replace("int at", "IntArray in"), OTHER))
        .contains("Some: IntArray in: ");
    assertThat(generate(SOURCE, OTHER.replace("FloatArray out", "FloatArray scores")))
        .contains("Other: no array of halves");
  }

  /** Why it fails, nothing if it does not. */
  private String generate(String some, String other) throws Exception {
    Files.writeString(folder.resolve("Some.java"), some);
    Files.writeString(folder.resolve("Other.java"), other);
    String[] arguments = {folder.toString(), folder.resolve("out").toString(), "Some", "Other"};
    try (var loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
      Method main = loader.loadClass("HalfGenerator").getDeclaredMethod("main", String[].class);
      main.setAccessible(true);
      main.invoke(null, (Object) arguments);
      return "";
    } catch (InvocationTargetException e) {
      return e.getCause().getMessage();
    }
  }
}
