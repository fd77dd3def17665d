package dev.offramp.runtime.cli;

import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import picocli.CommandLine.MaxValuesExceededException;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is said of a command line that cannot be parsed. */
final class Usage {
  /** Constants as picocli names them, where users write small letters. */
  private static final Pattern CONSTANTS = Pattern.compile("expected one of \\[[A-Z0-9_, ]+]");

  private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");

  private Usage() {}

  /** Prints what is wrong and, where a name is close to a known one, that one. */
  static void report(ParameterException e, List<String> arguments) {
    PrintWriter err = e.getCommandLine().getErr();
    err.println("offramp: " + problem(e, arguments));
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println(
        "Try '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help' for usage.");
  }

  /**
   * Looks at what only a parsed command line shows.
   *
   * @throws ParameterException if an option that takes a list was given commas alone
   */
  static void check(ParseResult parsed) {
    for (ParseResult at = parsed; at != null; at = at.subcommand()) {
      for (OptionSpec option : at.matchedOptions()) {
        if (option.getValue() instanceof Collection<?> list && list.isEmpty()) {
          throw new ParameterException(
              at.commandSpec().commandLine(),
              option.longestName() + ": there is nothing between its commas; name at least one");
        }
      }
    }
  }

  /** A path of the command line. */
  static Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(noPath(e));
    }
  }

  /** What is said of an argument that no file can be called. */
  static String noPath(InvalidPathException e) {
    return "'%s' can be no file's name: %s"
        .formatted(CONTROL.matcher(e.getInput()).replaceAll("?"), e.getReason());
  }

  private static String problem(ParameterException e, List<String> arguments) {
    return givenTwice(e, arguments).or(() -> straySide(e, arguments)).orElseGet(() -> message(e));
  }

  /** The parser shows all options of a group where one of them is there again. */
  private static Optional<String> givenTwice(ParameterException e, List<String> arguments) {
    Optional<ArgSpec> again =
        switch (e) {
          case OverwrittenOptionException single -> Optional.of(single.getOverwritten());
          case MaxValuesExceededException _ ->
              e.getCommandLine().getCommandSpec().options().stream()
                  .filter(option -> count(option, arguments) > 1)
                  .map(ArgSpec.class::cast)
                  .findFirst();
          default -> Optional.empty();
        };
    return again
        .filter(OptionSpec.class::isInstance)
        .map(option -> ((OptionSpec) option).longestName() + ": is given twice; give it once");
  }

  private static long count(OptionSpec option, List<String> arguments) {
    List<String> names = Arrays.asList(option.names());
    return arguments.stream()
        .map(argument -> argument.split("=", 2)[0])
        .filter(names::contains)
        .count();
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
