package dev.offramp.models;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Checks of single values found in a file; each failure names the file and the field. */
record FieldCheck(Path file) {
  private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");

  void range(String path, long value, long min, long max) {
    if (value < min || value > max) {
      String wanted = min == max ? "use " + min : "use a value from " + min + " to " + max;
      throw error(path, value + " is out of range; " + wanted);
    }
  }

  void oneOf(String path, String value, List<String> known) {
    if (!known.contains(value)) {
      throw error(path, "\"" + value + "\" is not known; use " + String.join(" or ", known));
    }
  }

  void notBlank(String path, String value) {
    if (value.isBlank()) {
      throw error(path, "is blank; give it a value");
    }
  }

  /** A label is printed in tables, by terminals. */
  void label(String path, String value) {
    notBlank(path, value);
    if (hasControl(value)) {
      throw error(path, "holds a tab, line break or other control character; remove it");
    }
  }

  /** Whether a text holds line breaks, tabs, or what terminals take for commands. */
  static boolean hasControl(String text) {
    return CONTROL.matcher(text).find();
  }

  InputException error(String path, String problemAndRemedy) {
    return InputException.in(file, path, problemAndRemedy);
  }
}
