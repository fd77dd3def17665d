package dev.offramp.runtime.bench;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A column of the table of cases, which shows one field of their JSON.
 *
 * @param width in characters; negative for text set to the left
 * @param format of the field's number times {@code scale}, null for text
 */
public record Column(String title, int width, String field, String format, double scale) {
  static final Column MODE = new Column("mode", -24, "mode", null, 1);
  static final Column BATCH = new Column("batch", 6, "batch", "%.0f", 1);
  static final Column RATE = new Column("samples/s", 10, "samplesPerSecond", "%.1f", 1);
  static final Column P50 = new Column("p50 ms", 9, "p50Millis", "%.2f", 1);
  static final Column P90 = new Column("p90 ms", 9, "p90Millis", "%.2f", 1);
  static final Column P99 = new Column("p99 ms", 9, "p99Millis", "%.2f", 1);
  static final Column DEPTH = new Column("depth", 6, "meanDepth", "%.2f", 1);
  static final Column RATIO = new Column("ratio", 7, "ratio", "%.2fx", 1);
  static final Column BYTES = new Column("B/sample", 9, "bytesPerSample", "%.0f", 1);

  /** The table's first line. */
  public static String header(List<Column> columns) {
    return columns.stream()
        .map(column -> ("%" + column.width + "s").formatted(column.title))
        .collect(Collectors.joining(" "))
        .stripTrailing();
  }

  /** A case's line. */
  public static String line(List<Column> columns, JsonObject of) {
    return columns.stream()
        .map(column -> ("%" + column.width + "s").formatted(column.cell(of)))
        .collect(Collectors.joining(" "))
        .stripTrailing();
  }

  /** What a case has in this column, a range from-to for an array; a dash where it has nothing. */
  public String cell(JsonObject of) {
    JsonElement value = of.get(field);
    if (value == null || value.isJsonNull()) {
      return "-";
    }
    return value.isJsonArray()
        ? value.getAsJsonArray().asList().stream().map(this::text).collect(Collectors.joining("-"))
        : text(value);
  }

  private String text(JsonElement value) {
    return format == null ? value.getAsString() : format.formatted(scale * value.getAsDouble());
  }
}
