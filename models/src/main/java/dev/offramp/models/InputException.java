package dev.offramp.models;

import java.nio.file.Path;

/**
 * Bad input: a file, field or value the user can put right. The message is one line, {@code file:
 * field: problem; remedy}, fit to be printed as it is.
 */
public final class InputException extends RuntimeException {
  private static final int MAX_FIELD = 200;
  private static final int MAX_PROBLEM = 600;

  private InputException(String message) {
    super(message);
  }

  /**
   * @param file the file at fault, or null
   * @param field the JSON path, tensor name or line at fault, or null for the file as a whole
   * @param problemAndRemedy what is wrong, a semicolon, and what to do about it
   */
  public static InputException in(Path file, String field, String problemAndRemedy) {
    StringBuilder message = new StringBuilder();
    if (file != null) {
      message.append(oneLine(file.toString(), Integer.MAX_VALUE)).append(": ");
    }
    if (field != null) {
      message.append(oneLine(field, MAX_FIELD)).append(": ");
    }
    return new InputException(message.append(oneLine(problemAndRemedy, MAX_PROBLEM)).toString());
  }

  /** Names come from untrusted files: no line breaks, no terminal escapes, no megabytes. */
  private static String oneLine(String text, int limit) {
    String cut = text.length() <= limit ? text : text.substring(0, limit) + "…";
    return cut.replaceAll("\\p{Cntrl}", "?");
  }
}
