import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Writes kernels for F16 from those for F32: of {@code TileGemmKernels.java} {@code
 * HalfTileGemmKernels.java}. Java has no generics over arrays of primitives, and kernels shall
 * exist only once.
 *
 * <p>Activations, and weights of products, become halves in memory; sums and all else stay floats.
 * Which arrays are meant is told by their names, in all sources alike: a {@code FloatArray in} is
 * declared a {@code HalfFloatArray in}, {@code in.get(} becomes {@code Halves.get(in, } and {@code
 * out.set(} becomes {@code Halves.set(out, }. Names of other sources that are translated get the
 * prefix too. A name that is unknown here, any other use of an array of halves and a source without
 * such an array fail the build.
 *
 * <p>Usage: {@code java HalfGenerator.java FOLDER_OF_SOURCES FOLDER_OF_RESULTS CLASS...}.
 */
final class HalfGenerator {
  private static final String PREFIX = "Half";

  private static final Set<String> HALVES = Set.of("in", "out", "residual", "qkv", "weight");

  private static final Set<String> FLOATS =
      Set.of(
          "floats",
          "gamma",
          "beta",
          "bias",
          "words",
          "positions",
          "types",
          "work",
          "scores",
          "probabilities",
          "scale",
          "shift");

  /** Floats despite their names: a head is in F32, as is what it takes. */
  private static final Map<String, Set<String>> EXCEPTIONS =
      Map.of("ExitKernels", Set.of("weight", "out"));

  private static final Pattern ARRAY = Pattern.compile("\\bFloatArray (\\w+)");

  private static final String IMPORT =
      "import uk.ac.manchester.tornado.api.types.arrays.FloatArray;\n";

  public static void main(String[] args) throws IOException {
    Path sources = Path.of(args[0]);
    Path results = Path.of(args[1]);
    List<String> classes = List.of(args).subList(2, args.length);
    Files.createDirectories(results);
    for (String name : classes) {
      String source = Files.readString(sources.resolve(name + ".java"));
      Files.writeString(results.resolve(PREFIX + name + ".java"), translate(name, source, classes));
    }
  }

  private static String translate(String name, String source, List<String> classes) {
    Set<String> halves = halves(name, source);
    String any = String.join("|", halves);
    refuse(
        name,
        source,
        "\\b(?!FloatArray)\\w+Array (?:%s)\\b".formatted(any),
        "another type by that name");
    String text = replace(name, source, "\\b(FloatArray (?:%s))\\b".formatted(any), "Half$1");
    text = text.replaceAll("\\b(%s)\\.(get|set)\\(".formatted(any), "Halves.$2($1, ");
    refuse(
        name,
        text,
        "\\b(?:%s)\\s*\\.\\w+".formatted(any),
        "an array of halves knows get and set only, without a line break");
    text = replace(name, text, "\\b(%s)\\b".formatted(String.join("|", classes)), PREFIX + "$1");
    String half = IMPORT.replace("FloatArray", "HalfFloatArray");
    String imports = ARRAY.matcher(text).find() ? IMPORT + half : half;
    text = replace(name, text, Pattern.quote(IMPORT), imports);
    return "// Generated from %s.java by HalfGenerator.\n".formatted(name) + text;
  }

  /** Names of the arrays to translate. */
  private static Set<String> halves(String name, String source) {
    Set<String> floats = EXCEPTIONS.getOrDefault(name, Set.of());
    Set<String> names =
        ARRAY
            .matcher(source)
            .results()
            .map(r -> r.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    for (String array : names) {
      if (!HALVES.contains(array) && !FLOATS.contains(array)) {
        throw new IllegalArgumentException(
            name + ": is " + array + " an array of halves or of floats? HalfGenerator must know.");
      }
    }
    names.removeIf(array -> !HALVES.contains(array) || floats.contains(array));
    if (names.isEmpty()) {
      throw new IllegalArgumentException(name + ": no array of halves: F16 needs no other kernels");
    }
    return names;
  }

  private static void refuse(String name, String text, String pattern, String why) {
    Matcher found = Pattern.compile(pattern).matcher(text);
    if (found.find()) {
      throw new IllegalArgumentException("%s: %s: %s".formatted(name, found.group(), why));
    }
  }

  private static String replace(String name, String text, String pattern, String by) {
    String result = text.replaceAll(pattern, by);
    if (result.equals(text)) {
      throw new IllegalArgumentException(name + ": nothing matches " + pattern);
    }
    return result;
  }
}
