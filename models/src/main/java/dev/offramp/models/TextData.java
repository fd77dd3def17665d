package dev.offramp.models;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * Reads and writes texts with labels.
 *
 * <ul>
 *   <li>{@code .tsv}, {@code .tsv.gz}: tab-separated, a header line naming the columns: {@code
 *       text}, and optionally {@code label}, {@code name} (the label's name, preferred over label)
 *       and {@code title} (put before the text). Other columns are passed over.
 *   <li>{@code .txt}, {@code .txt.gz}: a text a line, no labels.
 * </ul>
 *
 * UTF-8, with or without byte order mark, LF or CRLF. Blank lines at the end are passed over.
 */
public final class TextData {
  /** More than this fits no heap; a small gzip file can hold any number of short lines. */
  static final int MAX_EXAMPLES = 2_000_000;

  private TextData() {}

  /**
   * All examples of the files, in order.
   *
   * @throws InputException as {@link #read(Path)}, and if the files together hold too many
   */
  public static List<Example> read(List<Path> files) {
    List<Example> examples = new ArrayList<>();
    for (Path file : files) {
      read(file, examples);
    }
    return examples;
  }

  /**
   * The examples of one file, at least one.
   *
   * @throws InputException on an empty file, malformed UTF-8, a missing column, a line with too few
   *     or too many fields, a blank text or label, a control character in a label, a line that is
   *     too long, or more than 2,000,000 examples
   */
  public static List<Example> read(Path file) {
    return read(List.of(file));
  }

  private static void read(Path file, List<Example> examples) {
    Disk.requireFile(file); // A root has no name.
    String plain = plainName(file);
    boolean table = plain.endsWith(".tsv");
    if (!table && !plain.endsWith(".txt")) {
      throw InputException.in(
          file, null, "has an unknown ending; name a .tsv, .tsv.gz, .txt or .txt.gz file");
    }
    try (TextLines lines = TextLines.open(file)) {
      int before = examples.size();
      if (table) {
        readTable(file, lines, examples);
      } else {
        readLines(lines, examples);
      }
      if (examples.size() == before) {
        throw InputException.in(file, null, "holds no texts; add some or name another file");
      }
    }
  }

  /** In lower case, without the ending of gzip. */
  private static String plainName(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
  }

  private static void readLines(TextLines lines, List<Example> examples) {
    for (String line = next(lines); line != null; line = next(lines)) {
      add(examples, lines, new Example(notBlank(lines, "text", line), null));
    }
  }

  /** The next line, or null if none follows that is not blank. */
  private static String next(TextLines lines) {
    String line = lines.next();
    if (line == null || !line.isBlank()) {
      return line;
    }
    InputException blank = lines.error("the text is blank; fill it in or remove the line");
    for (String rest = lines.next(); rest != null; rest = lines.next()) {
      if (!rest.isBlank()) {
        throw blank;
      }
    }
    return null;
  }

  private static void add(List<Example> examples, TextLines lines, Example example) {
    if (examples.size() == MAX_EXAMPLES) {
      throw lines.error(
          "more than " + MAX_EXAMPLES + " examples; split the data and run each part by itself");
    }
    examples.add(example);
  }

  private static void readTable(Path file, TextLines lines, List<Example> examples) {
    String header = lines.next();
    if (header == null) {
      throw InputException.in(file, null, "is empty; it needs a header line and texts");
    }
    List<String> columns = Arrays.asList(header.split("\t", -1));
    for (String column : columns) {
      if (!column.isEmpty() && Collections.frequency(columns, column) > 1) {
        throw lines.error(
            "the header names the column \"" + column + "\" twice; rename one of them");
      }
    }
    int text = columns.indexOf("text");
    int title = columns.indexOf("title");
    int label = columns.contains("name") ? columns.indexOf("name") : columns.indexOf("label");
    if (text < 0) {
      throw lines.error("the header names no column \"text\", found " + columns + "; add it");
    }
    Quotes quotes = new Quotes();
    for (String line = next(lines); line != null; line = next(lines)) {
      String[] fields = line.split("\t", -1);
      if (fields.length != columns.size()) {
        throw lines.error(
            fields.length
                + " fields where the header names "
                + columns.size()
                + "; correct the line (a text must not hold tabs)");
      }
      quotes.see(lines, fields);
      String body = title < 0 ? fields[text] : fields[title] + " " + fields[text];
      add(
          examples,
          lines,
          new Example(
              notBlank(lines, "text", body), label < 0 ? null : label(lines, fields[label])));
    }
    quotes.refuse();
  }

  /**
   * Whether a program that writes CSV wrote the table: each quotation mark of a text is doubled
   * then, and the text in quotation marks. A text may look so by itself, hence the whole file
   * tells.
   */
  private static final class Quotes {
    private InputException doubled;
    private boolean plain;

    void see(TextLines lines, String[] fields) {
      for (String field : fields) {
        boolean enclosed = field.length() > 2 && field.startsWith("\"") && field.endsWith("\"");
        String held = enclosed ? field.substring(1, field.length() - 1) : field;
        String rest = enclosed ? held.replace("\"\"", "") : held;
        plain |= rest.indexOf('"') >= 0;
        if (doubled == null && rest.length() < held.length()) {
          doubled =
              lines.error(
                  "quotation marks are doubled here and wherever there are any, as in CSV; write"
                      + " them as they are (in Python: quoting=csv.QUOTE_NONE, quotechar=None)");
        }
      }
    }

    void refuse() {
      if (doubled != null && !plain) {
        throw doubled;
      }
    }
  }

  private static String label(TextLines lines, String value) {
    if (FieldCheck.hasControl(value)) {
      throw lines.error("the label holds a control character; remove it");
    }
    if (!value.strip().equals(notBlank(lines, "label", value))) {
      throw lines.error(
          "the label \""
              + value
              + "\" begins or ends with white space, which makes it another;"
              + " remove it");
    }
    return value;
  }

  private static String notBlank(TextLines lines, String field, String value) {
    if (value.isBlank()) {
      throw lines.error("the " + field + " is blank; fill it in or remove the line");
    }
    return value;
  }

  /**
   * Writes a .tsv that {@link #read} reads back: columns label and text, or text alone if no
   * example has a label. Tabs and line breaks in a field become spaces.
   *
   * @throws IllegalArgumentException if only some examples have a label
   */
  public static void write(Path file, List<Example> examples) {
    boolean labelled = examples.stream().anyMatch(example -> example.label() != null);
    Disk.replaceFile(file, temporary -> write(temporary, examples, labelled));
  }

  private static void write(Path file, List<Example> examples, boolean labelled)
      throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      out.write(labelled ? "label\ttext\n" : "text\n");
      for (Example example : examples) {
        if (labelled) {
          if (example.label() == null) {
            throw new IllegalArgumentException("no label for: " + example.text());
          }
          out.write(field(example.label()));
          out.write('\t');
        }
        out.write(field(example.text()));
        out.write('\n');
      }
    }
  }

  private static String field(String text) {
    return text.replaceAll("[\t\n\r]", " ");
  }

  /**
   * An error in an example, at its place in the files.
   *
   * @param number of the example, counted from 0 over all files as {@link #read(List)} does
   */
  public static InputException error(List<Path> files, int number, String problemAndRemedy) {
    int left = number;
    for (Path file : files) {
      int examples = read(file).size();
      if (left < examples) {
        boolean table = plainName(file).endsWith(".tsv");
        return InputException.in(file, "line " + (left + (table ? 2 : 1)), problemAndRemedy);
      }
      left -= examples;
    }
    return InputException.in(files.getLast(), "example " + number, problemAndRemedy);
  }

  /** SHA-256 in hex over lengths and contents of the files, in order, whatever their names. */
  public static String hash(List<Path> files) {
    MessageDigest digest = Disk.sha256();
    for (Path file : files) {
      Disk.digest(digest, "data", file);
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
