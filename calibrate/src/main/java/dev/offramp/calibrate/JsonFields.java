package dev.offramp.calibrate;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.regex.Pattern;

/** The fields of a JSON object, each taken once by name and type; errors name the path. */
final class JsonFields {
  /** Of names and hashes; messages show them. */
  private static final int LONGEST_NAME = 200;

  /** Of sentences; one names a threshold for each of up to 1,000 exits. */
  private static final int LONGEST_SENTENCE = 1 << 15;

  private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");

  private final String path;
  private final JsonObject object;
  private final TreeSet<String> unread;

  JsonFields(JsonElement element) {
    this("$", element);
  }

  private JsonFields(String path, JsonElement element) {
    if (!element.isJsonObject()) {
      throw wrong(path, "an object");
    }
    this.path = path;
    object = element.getAsJsonObject();
    unread = new TreeSet<>(object.keySet());
  }

  /** Whether the field is there, be it null. */
  boolean has(String name) {
    return object.has(name);
  }

  /** A name or a hash: one line, fit to be shown. */
  String name(String name) {
    return oneLine(name, LONGEST_NAME);
  }

  String nameOrNull(String name) {
    return takeNull(name) ? null : name(name);
  }

  /** One line, fit to be shown. */
  String sentence(String name) {
    return oneLine(name, LONGEST_SENTENCE);
  }

  String sentenceOrNull(String name) {
    return takeNull(name) ? null : sentence(name);
  }

  /** Any text; not fit to be shown as it is. */
  String textOrNull(String name) {
    return takeNull(name) ? null : text(name);
  }

  private String text(String name) {
    JsonElement value = take(name);
    if (!isString(value) || value.getAsString().isBlank()) {
      throw wrong(path(name), "a text");
    }
    return value.getAsString();
  }

  private String oneLine(String name, int longest) {
    String text = text(name);
    if (text.length() > longest) {
      throw wrong(path(name), "a text of at most " + longest + " characters");
    }
    if (CONTROL.matcher(text).find()) {
      throw wrong(path(name), "a text without line breaks and control characters");
    }
    return text;
  }

  boolean bool(String name) {
    JsonElement value = take(name);
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isBoolean()) {
      throw wrong(path(name), "true or false");
    }
    return value.getAsBoolean();
  }

  double number(String name) {
    return number(path(name), take(name));
  }

  int integer(String name) {
    return integer(path(name), number(name));
  }

  Double numberOrNull(String name) {
    return takeNull(name) ? null : number(name);
  }

  double[] numbers(String name) {
    return numbers(path(name), take(name));
  }

  int[] integers(String name) {
    double[] values = numbers(name);
    int[] integers = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      integers[i] = integer(path(name) + "[" + i + "]", values[i]);
    }
    return integers;
  }

  double[][] matrix(String name) {
    List<double[]> rows = new ArrayList<>();
    each(name, (at, row) -> rows.add(numbers(at, row)));
    return rows.toArray(double[][]::new);
  }

  /** An array of objects, each of which must be taken whole. */
  <T> List<T> objects(String name, Function<JsonFields, T> read) {
    List<T> objects = new ArrayList<>();
    each(
        name,
        (at, element) -> {
          JsonFields fields = new JsonFields(at, element);
          objects.add(read.apply(fields));
          fields.end();
        });
    return List.copyOf(objects);
  }

  private void each(String name, BiConsumer<String, JsonElement> visit) {
    JsonArray array = array(path(name), take(name));
    for (int i = 0; i < array.size(); i++) {
      visit.accept(path(name) + "[" + i + "]", array.get(i));
    }
  }

  /** Checks that every field was taken. */
  void end() {
    if (!unread.isEmpty()) {
      throw new CalibrationException(StrictJson.shown(path(unread.first())) + " is unknown");
    }
  }

  private JsonElement take(String name) {
    if (!object.has(name)) {
      throw new CalibrationException(path(name) + " is missing");
    }
    unread.remove(name);
    return object.get(name);
  }

  private boolean takeNull(String name) {
    boolean isNull = object.has(name) && object.get(name).isJsonNull();
    if (isNull) {
      unread.remove(name);
    }
    return isNull;
  }

  private String path(String name) {
    return path + "." + name;
  }

  private static boolean isString(JsonElement value) {
    return value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
  }

  private static double number(String path, JsonElement value) {
    boolean number = value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
    if (!number || !Double.isFinite(value.getAsDouble())) {
      throw wrong(path, "a finite number");
    }
    return value.getAsDouble();
  }

  private static int integer(String path, double value) {
    if (value != (int) value) {
      throw wrong(path, "a 32-bit integer");
    }
    return (int) value;
  }

  private static double[] numbers(String path, JsonElement value) {
    JsonArray array = array(path, value);
    double[] numbers = new double[array.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = number(path + "[" + i + "]", array.get(i));
    }
    return numbers;
  }

  private static JsonArray array(String path, JsonElement value) {
    if (!value.isJsonArray()) {
      throw wrong(path, "an array");
    }
    return value.getAsJsonArray();
  }

  private static CalibrationException wrong(String path, String wanted) {
    return new CalibrationException(path + " must be " + wanted);
  }
}
