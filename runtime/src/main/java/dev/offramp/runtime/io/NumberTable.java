package dev.offramp.runtime.io;

import dev.offramp.models.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Numbers from a CSV file: named columns under a header line, or one plain number a line.
 *
 * @param header names of the columns; empty where the file has no header
 * @param cells shape [rows][columns], as text
 */
public record NumberTable(Path file, List<String> header, List<String[]> cells) {

  /**
   * @throws InputException if the file cannot be read or its lines differ in length
   */
  public static NumberTable read(Path file) {
    List<String> lines = TextFile.lines(file);
    List<String[]> cells = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).isBlank()) {
        String[] line = lines.get(i).split(",", -1);
        if (!cells.isEmpty() && line.length != cells.getFirst().length) {
          throw InputException.in(
              file,
              "line " + (i + 1),
              "%d cells instead of %d; give every line the same columns"
                  .formatted(line.length, cells.getFirst().length));
        }
        cells.add(line);
      }
    }
    if (cells.isEmpty()) {
      throw InputException.in(file, null, "is empty; give a number a line");
    }
    boolean named = Arrays.stream(cells.getFirst()).anyMatch(cell -> !isNumber(cell));
    List<String> header =
        named ? Arrays.stream(cells.removeFirst()).map(NumberTable::unquote).toList() : List.of();
    return new NumberTable(file, header, cells);
  }

  /**
   * A column's numbers, top to bottom. A file without header has its only column under any name.
   *
   * @throws InputException if there is no such column or a cell of it is not a finite number
   */
  public double[] column(String name) {
    int column = header.isEmpty() ? 0 : header.indexOf(name);
    if (column < 0 || header.isEmpty() && cells.getFirst().length != 1) {
      throw InputException.in(
          file,
          name,
          "there is no such column; name it in a header line, or give one number a line");
    }
    double[] numbers = new double[cells.size()];
    for (int row = 0; row < numbers.length; row++) {
      String cell = unquote(cells.get(row)[column]);
      if (!isNumber(cell)) {
        throw InputException.in(
            file, "row %d of %s".formatted(row, name), "'" + cell + "' is not a finite number");
      }
      numbers[row] = Double.parseDouble(cell);
    }
    return numbers;
  }

  private static String unquote(String cell) {
    String trimmed = cell.strip();
    boolean quoted = trimmed.length() > 1 && trimmed.startsWith("\"") && trimmed.endsWith("\"");
    return quoted ? trimmed.substring(1, trimmed.length() - 1) : trimmed;
  }

  private static boolean isNumber(String cell) {
    try {
      return Double.isFinite(Double.parseDouble(unquote(cell)));
    } catch (NumberFormatException e) {
      return false;
    }
  }
}
