package dev.offramp.runtime.cli;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is said of a command line that cannot be parsed. */
final class Usage {
  /** Constants as picocli names them, where users write small letters. */
  private static final Pattern CONSTANTS = Pattern.compile("expected one of \\[[A-Z0-9_, ]+]");

  private Usage() {}

  /** Prints what is wrong and, where a name is close to a known one, that one. */
  static void report(ParameterException e, List<String> arguments) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println("offramp: " + straySide(e, arguments).orElseGet(() -> message(e)));
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println(
        "Try '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help' for usage.");
  }

  private static String message(ParameterException e) {
    return CONSTANTS
        .matcher(e.getMessage())
        .replaceAll((MatchResult found) -> found.group().toLowerCase(Locale.ROOT));
  }

  /**
   * Where a command has two forms, an option of the one beside the other is at fault, and not that
   * what it needs is missing.
   */
  private static Optional<String> straySide(ParameterException e, List<String> arguments) {
    if (!(e instanceof MissingParameterException missing)
        || missing.getMissing().isEmpty()
        || missing.getMissing().getFirst().group() == null) {
      return Optional.empty();
    }
    ArgGroupSpec incomplete = missing.getMissing().getFirst().group();
    List<ArgSpec> needed = incomplete.args().stream().filter(ArgSpec::required).toList();
    Optional<String> stray = given(incomplete.args(), arguments);
    Optional<String> other =
        e.getCommandLine().getCommandSpec().argGroups().stream()
            .filter(group -> group != incomplete)
            .flatMap(group -> given(group.args(), arguments).stream())
            .findFirst();
    return stray.isPresent() && other.isPresent() && given(needed, arguments).isEmpty()
        ? Optional.of("%s: does not go with %s; leave it out".formatted(stray.get(), other.get()))
        : Optional.empty();
  }

  /** The first of these options that was given. */
  private static Optional<String> given(Collection<ArgSpec> options, List<String> arguments) {
    List<String> names =
        options.stream()
            .filter(OptionSpec.class::isInstance)
            .flatMap(option -> Arrays.stream(((OptionSpec) option).names()))
            .toList();
    return arguments.stream()
        .map(argument -> argument.split("=", 2)[0])
        .filter(names::contains)
        .findFirst();
  }
}
