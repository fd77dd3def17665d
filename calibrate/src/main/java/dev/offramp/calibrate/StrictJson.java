package dev.offramp.calibrate;

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
import java.io.StringReader;

/** Strict JSON: no comments, no duplicate names, nothing after the document. */
final class StrictJson {
  private static final int MAX_DEPTH = 64;
  private static final int MOST_SHOWN = 200;

  private StrictJson() {}

  /**
   * @throws MalformedJsonException if the text is no JSON; says where
   * @throws CalibrationException if a name is given twice in one object
   */
  static JsonElement parse(String text) throws MalformedJsonException {
    JsonReader reader = new JsonReader(new StringReader(text));
    reader.setStrictness(Strictness.STRICT);
    reader.setNestingLimit(MAX_DEPTH);
    try {
      JsonElement root = tree(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw malformed(reader);
      }
      return root;
    } catch (MalformedJsonException | EOFException | IllegalStateException e) {
      throw malformed(reader);
    } catch (IOException e) {
      throw new IllegalStateException("a text in memory can be read", e);
    }
  }

  private static JsonElement tree(JsonReader reader) throws IOException {
    return switch (reader.peek()) {
      case BEGIN_OBJECT -> {
        JsonObject object = new JsonObject();
        reader.beginObject();
        while (reader.hasNext()) {
          String name = reader.nextName();
          if (object.has(name)) {
            throw new CalibrationException(shown(reader.getPath()) + " is given twice");
          }
          object.add(name, tree(reader));
        }
        reader.endObject();
        yield object;
      }
      case BEGIN_ARRAY -> {
        JsonArray array = new JsonArray();
        reader.beginArray();
        while (reader.hasNext()) {
          array.add(tree(reader));
        }
        reader.endArray();
        yield array;
      }
      // Not a BigDecimal: of "1e999999999" that would be a big one.
      case NUMBER -> new JsonPrimitive(Double.parseDouble(reader.nextString()));
      case STRING -> new JsonPrimitive(reader.nextString());
      case BOOLEAN -> new JsonPrimitive(reader.nextBoolean());
      case NULL -> {
        reader.nextNull();
        yield JsonNull.INSTANCE;
      }
      default -> throw malformed(reader);
    };
  }

  /** The parser's own words name its classes; of them, only the place is for people. */
  private static MalformedJsonException malformed(JsonReader reader) {
    String place = reader.toString(); // "JsonReader at line 1 column 2 path $"
    return new MalformedJsonException(
        "not valid JSON" + shown(place.substring(place.indexOf(' '))));
  }

  /** A text from an untrusted file: no line breaks, no terminal escapes, no megabytes. */
  static String shown(String text) {
    String cut = text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "…";
    return cut.replaceAll("\\p{Cc}", "?");
  }
}
