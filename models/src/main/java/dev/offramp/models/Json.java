package dev.offramp.models;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A place in a JSON document from an untrusted file. Everything asked of it either has the asked
 * type or is an {@link InputException} naming file and JSON path.
 */
record Json(Path file, String path, JsonElement element) {
  private static final int MAX_DEPTH = 64;
  private static final Pattern DIGITS = Pattern.compile("-?[0-9]{1,18}");

  /** Strict JSON: no comments, no duplicate names, nothing after the document. */
  static Json parse(Path file, String text) {
    return parse(file, new StringReader(text));
  }

  static Json parse(Path file, Reader text) {
    JsonReader reader = new JsonReader(text);
    reader.setStrictness(Strictness.STRICT);
    reader.setNestingLimit(MAX_DEPTH);
    try {
      JsonElement root = tree(file, reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw InputException.in(file, "$", "text after the JSON document; remove it");
      }
      return new Json(file, "$", root);
    } catch (MalformedJsonException | EOFException | IllegalStateException e) {
      throw InputException.in(
          file, reader.getPath(), "not valid JSON (" + e.getMessage() + "); restore the file");
    } catch (IOException e) {
      throw Disk.unreadable(file, e);
    }
  }

  private static JsonElement tree(Path file, JsonReader reader) throws IOException {
    return switch (reader.peek()) {
      case BEGIN_OBJECT -> {
        JsonObject object = new JsonObject();
        reader.beginObject();
        while (reader.hasNext()) {
          String name = reader.nextName();
          if (object.has(name)) {
            throw InputException.in(file, reader.getPath(), "given twice; remove one");
          }
          object.add(name, tree(file, reader));
        }
        reader.endObject();
        yield object;
      }
      case BEGIN_ARRAY -> {
        JsonArray array = new JsonArray();
        reader.beginArray();
        while (reader.hasNext()) {
          array.add(tree(file, reader));
        }
        reader.endArray();
        yield array;
      }
      case NUMBER -> new JsonPrimitive(new RawNumber(reader.nextString()));
      case STRING -> new JsonPrimitive(reader.nextString());
      case BOOLEAN -> new JsonPrimitive(reader.nextBoolean());
      case NULL -> {
        reader.nextNull();
        yield JsonNull.INSTANCE;
      }
      default -> throw new IllegalStateException("unexpected " + reader.peek());
    };
  }

  /** Requires an object with exactly these fields. */
  Json exactly(String... names) {
    JsonObject object = object();
    Set<String> unknown = new TreeSet<>(object.keySet());
    Arrays.asList(names).forEach(unknown::remove);
    if (!unknown.isEmpty()) {
      String name = unknown.iterator().next();
      throw InputException.in(
          file,
          child(name),
          "unknown field; remove it (known here: " + String.join(", ", names) + ")");
    }
    for (String name : names) {
      field(name);
    }
    return this;
  }

  Json field(String name) {
    return optional(name)
        .orElseThrow(() -> InputException.in(file, child(name), "missing; add it"));
  }

  /** Empty when the field is absent or null. */
  Optional<Json> optional(String name) {
    JsonElement value = object().get(name);
    return value == null || value.isJsonNull()
        ? Optional.empty()
        : Optional.of(new Json(file, child(name), value));
  }

  /** The fields in the order of the document. */
  SequencedMap<String, Json> fields() {
    SequencedMap<String, Json> fields = new LinkedHashMap<>();
    object().asMap().forEach((name, value) -> fields.put(name, new Json(file, child(name), value)));
    return fields;
  }

  List<Json> list() {
    if (!element.isJsonArray()) {
      throw wrongType("a list");
    }
    List<Json> items = new ArrayList<>();
    for (JsonElement item : element.getAsJsonArray()) {
      items.add(new Json(file, path + "[" + items.size() + "]", item));
    }
    return items;
  }

  String string() {
    if (element instanceof JsonPrimitive p && p.isString()) {
      return p.getAsString();
    }
    throw wrongType("a string");
  }

  boolean bool() {
    if (element instanceof JsonPrimitive p && p.isBoolean()) {
      return p.getAsBoolean();
    }
    throw wrongType("true or false");
  }

  long integer() {
    if (element instanceof JsonPrimitive p
        && p.isNumber()
        && DIGITS.matcher(p.getAsString()).matches()) {
      return Long.parseLong(p.getAsString());
    }
    throw wrongType("a whole number");
  }

  int smallInteger() {
    long value = integer();
    if (value != (int) value) {
      throw error(value + " is out of range; use a number of at most 9 digits");
    }
    return (int) value;
  }

  double number() {
    if (element instanceof JsonPrimitive p && p.isNumber()) {
      double value = Double.parseDouble(p.getAsString());
      if (Double.isFinite(value)) {
        return value;
      }
    }
    throw wrongType("a finite number");
  }

  InputException error(String problemAndRemedy) {
    return InputException.in(file, path, problemAndRemedy);
  }

  private JsonObject object() {
    if (!element.isJsonObject()) {
      throw wrongType("an object");
    }
    return element.getAsJsonObject();
  }

  private String child(String name) {
    return path + "." + name;
  }

  private InputException wrongType(String wanted) {
    String found = element.toString();
    return error(
        "must be "
            + wanted
            + ", found "
            + (found.length() <= 60 ? found : found.substring(0, 60) + "…")
            + "; correct it");
  }

  /** Keeps a number's digits: "1e999999999" must not be turned into a big integer. */
  private static final class RawNumber extends Number {
    private final String digits;

    RawNumber(String digits) {
      this.digits = digits;
    }

    @Override
    public int intValue() {
      return (int) doubleValue();
    }

    @Override
    public long longValue() {
      return (long) doubleValue();
    }

    @Override
    public float floatValue() {
      return (float) doubleValue();
    }

    @Override
    public double doubleValue() {
      return Double.parseDouble(digits);
    }

    @Override
    public String toString() {
      return digits;
    }
  }
}
