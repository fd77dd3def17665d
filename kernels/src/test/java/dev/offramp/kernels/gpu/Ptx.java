package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Precision;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a PTX file says of itself.
 *
 * @param textHash SHA-256 of the program text that it was made of, or an empty text
 * @param compiler release and version of its nvcc, or an empty text
 * @param entries types of the parameters of each kernel, such as u64, u32 and f32
 */
record Ptx(String textHash, String compiler, Map<String, List<String>> entries) {
  /** How the files are made anew. */
  static final String REMEDY = "run mvn -pl kernels test-compile exec:exec@ptx";

  private static final Pattern TEXT =
      Pattern.compile("^// text SHA-256 (\\p{XDigit}{64})$", Pattern.MULTILINE);
  private static final Pattern COMPILER =
      Pattern.compile("Cuda compilation tools, (release \\S+, V\\S+)");
  private static final Pattern VERSION = Pattern.compile("^\\.version .*$", Pattern.MULTILINE);
  private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+(\\w+)\\s*\\(([^)]*)\\)");
  private static final Pattern PARAMETER = Pattern.compile("\\.param\\s+\\.(\\w+)");

  /**
   * One of the PTX files and what it is made of; architectures are compute capability times ten.
   */
  record Program(int architecture, Precision precision) {
    String file() {
      return KernelSources.ptxName(architecture, precision);
    }

    String text() {
      return KernelSources.text(Traits.Dialect.CUDA, false, precision);
    }
  }

  /** The programs for each of these architectures, in F32 and F16. */
  static List<Program> programs(List<Integer> architectures) {
    List<Program> programs = new ArrayList<>();
    for (int architecture : architectures) {
      programs.add(new Program(architecture, Precision.F32));
      programs.add(new Program(architecture, Precision.F16));
    }
    return programs;
  }

  /**
   * States {@link KernelSources#PTX_VERSION} in place of the version of the compiler's own CUDA,
   * which nvcc writes whatever the program needs. The assembler checks each instruction, and the
   * target, against the version that is stated: what it accepts, a driver of that version knows.
   */
  static String withVersion(String ptx) {
    Matcher version = VERSION.matcher(ptx);
    if (version.results().count() != 1) {
      throw new IllegalArgumentException("PTX with no version, or several");
    }
    return version.replaceFirst(".version " + KernelSources.PTX_VERSION);
  }

  /** What nvcc made, with the hash of what it was made of at its head. */
  static String withHash(String text, String ptx) {
    return "// text SHA-256 " + hash(text) + "\n" + ptx;
  }

  static String hash(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  static Ptx parse(String ptx) {
    Map<String, List<String>> entries = new LinkedHashMap<>();
    Matcher entry = ENTRY.matcher(ptx);
    while (entry.find()) {
      List<String> types =
          PARAMETER.matcher(entry.group(2)).results().map(type -> type.group(1)).toList();
      entries.put(entry.group(1), types);
    }
    return new Ptx(first(TEXT, ptx).orElse(""), compiler(ptx).orElse(""), entries);
  }

  /** The compiler's release and version, from PTX or from what {@code nvcc --version} prints. */
  static Optional<String> compiler(String text) {
    return first(COMPILER, text);
  }

  private static Optional<String> first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
  }
}
