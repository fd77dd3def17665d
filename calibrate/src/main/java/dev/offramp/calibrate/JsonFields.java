package dev.offramp.calibrate;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.TreeSet;

/** The fields of a flat JSON object, each taken once by name and type; errors name the path. */
final class JsonFields {
  private final JsonObject object;
  private final TreeSet<String> unread;

  JsonFields(JsonElement element) {
    if (!element.isJsonObject()) {
      throw new CalibrationException("$ must be an object");
    }
    object = element.getAsJsonObject();
    unread = new TreeSet<>(object.keySet());
  }

  String text(String name) {
    JsonElement value = take(name);
    if (!isString(value) || value.getAsString().isBlank()) {
      throw wrong("$." + name, "a text");
    }
    return value.getAsString();
  }

  String textOrNull(String name) {
    if (object.has(name) && object.get(name).isJsonNull()) {
      unread.remove(name);
      return null;
    }
    return text(name);
  }

  boolean bool(String name) {
    JsonElement value = take(name);
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isBoolean()) {
      throw wrong("$." + name, "true or false");
    }
    return value.getAsBoolean();
  }

  double number(String name) {
    return number("$." + name, take(name));
  }

  int integer(String name) {
    double value = number(name);
    if (value != (int) value) {
      throw wrong("$." + name, "a 32-bit integer");
    }
    return (int) value;
  }

  double[] numbers(String name) {
    JsonElement value = take(name);
    if (!value.isJsonArray()) {
      throw wrong("$." + name, "an array of numbers");
    }
    JsonArray array = value.getAsJsonArray();
    double[] numbers = new double[array.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = number("$." + name + "[" + i + "]", array.get(i));
    }
    return numbers;
  }

  /** Checks that every field was taken. */
  void end() {
    if (!unread.isEmpty()) {
      throw new CalibrationException("$." + unread.first() + " is unknown");
    }
  }

  private JsonElement take(String name) {
    if (!object.has(name)) {
      throw new CalibrationException("$." + name + " is missing");
    }
    unread.remove(name);
    return object.get(name);
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

  private static CalibrationException wrong(String path, String wanted) {
    return new CalibrationException(path + " must be " + wanted);
  }
}
