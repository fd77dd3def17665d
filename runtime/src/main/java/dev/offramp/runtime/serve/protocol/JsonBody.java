package dev.offramp.runtime.serve.protocol;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A JSON document from a client, read from front to back. What is asked of it either has the asked
 * type or is a {@link BadRequestException}. All values are asked for: nothing unknown is skipped.
 */
final class JsonBody {
  /** Far above what the protocol needs; deeper documents are meant to do harm. */
  private static final int NESTING = 16;

  private static final Pattern POSITION = Pattern.compile("line \\d+ column \\d+");

  private final JsonReader in;

  /** Reads a document's value. */
  interface Root {
    void read(JsonBody body) throws IOException;
  }

  /** Reads the value of a field, or refuses its name. */
  interface Field {
    /**
     * @param path of the field, with its name cut if it is long
     */
    void read(String name, String path) throws IOException;
  }

  /** Reads an item of a list. */
  interface Item {
    void read(String path) throws IOException;
  }

  private JsonBody(byte[] body) {
    in =
        new JsonReader(
            new InputStreamReader(
                // A new decoder reports what is not UTF-8.
                new ByteArrayInputStream(body), StandardCharsets.UTF_8.newDecoder()));
    in.setStrictness(Strictness.STRICT);
    in.setNestingLimit(NESTING);
  }

  /**
   * @throws BadRequestException if the body is not strict JSON in UTF-8, there is more than one
   *     value, or root refuses it
   */
  static void read(byte[] body, Root root) {
    JsonBody json = new JsonBody(body);
    try {
      root.read(json);
      if (json.in.peek() != JsonToken.END_DOCUMENT) {
        throw new BadRequestException("$", "there is text after the document; remove it");
      }
    } catch (CharacterCodingException e) {
      throw json.error("is not UTF-8 text; encode the body as UTF-8");
    } catch (EOFException e) {
      throw json.error(
          body.length == 0
              ? "the body is empty; send a JSON document"
              : "the document ends too early; send all of it");
    } catch (MalformedJsonException e) {
      Matcher position = POSITION.matcher(json.in.toString());
      throw json.error(
          "is not strict JSON at "
              + (position.find() ? position.group() : "its start")
              + "; correct it there");
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Memory does not fail.
    }
  }

  /** Reads an object, whose fields come in any order, each once. */
  void object(Field field) throws IOException {
    require(JsonToken.BEGIN_OBJECT, "an object");
    String at = in.getPath();
    Set<String> seen = new HashSet<>();
    in.beginObject();
    while (in.hasNext()) {
      String name = in.nextName();
      String path = at + "." + BadRequestException.quote(name);
      if (!seen.add(name)) {
        throw new BadRequestException(path, "is given twice; remove one");
      }
      field.read(name, path);
    }
    in.endObject();
  }

  void list(Item item) throws IOException {
    require(JsonToken.BEGIN_ARRAY, "a list");
    in.beginArray();
    while (in.hasNext()) {
      item.read(in.getPath());
    }
    in.endArray();
  }

  String string() throws IOException {
    require(JsonToken.STRING, "a string");
    return in.nextString();
  }

  boolean bool() throws IOException {
    require(JsonToken.BOOLEAN, "true or false");
    return in.nextBoolean();
  }

  /** A whole number in digits alone: 1.0 and 1e3 are refused, like what a long cannot hold. */
  long whole() throws IOException {
    require(JsonToken.NUMBER, "a whole number");
    String digits = in.nextString();
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw new BadRequestException(
          in.getPreviousPath(),
          "must be a whole number in plain digits, found "
              + BadRequestException.quote(digits)
              + "; correct it");
    }
  }

  /** Whether a null stands here, which is passed by: for fields that need not be given. */
  boolean isNull() throws IOException {
    if (in.peek() != JsonToken.NULL) {
      return false;
    }
    in.nextNull();
    return true;
  }

  /** The reader itself, for what is read in a way of its own. */
  JsonReader reader() {
    return in;
  }

  /** An error at the place reached. */
  BadRequestException error(String problemAndRemedy) {
    String path = in.getPath();
    // Where a field's name should stand, the path ends with the dot before it.
    boolean atName = path.endsWith(".");
    return new BadRequestException(
        atName ? path.substring(0, path.length() - 1) : path, problemAndRemedy);
  }

  /** That a value of another type stands here. */
  BadRequestException wrongType(String wanted) throws IOException {
    return error("must be " + wanted + ", found " + described(in.peek()) + "; correct it");
  }

  void require(JsonToken token, String wanted) throws IOException {
    if (in.peek() != token) {
      throw wrongType(wanted);
    }
  }

  private static String described(JsonToken token) {
    return switch (token) {
      case BEGIN_OBJECT -> "an object";
      case BEGIN_ARRAY -> "a list";
      case STRING -> "a string";
      case NUMBER -> "a number";
      case BOOLEAN -> "true or false";
      case NULL -> "null";
      default -> "nothing";
    };
  }
}
