package dev.offramp.runtime.serve.http;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * An answer.
 *
 * @param contentType media type, with its charset where it has one
 * @param body not copied
 * @param headers further ones; they win over those that every answer gets
 */
public record Reply(int status, String contentType, byte[] body, Map<String, String> headers) {
  /** Headers that every answer has. */
  static final Map<String, String> DEFAULTS =
      Map.of("X-Content-Type-Options", "nosniff", "Cache-Control", "no-store");

  private static final String JSON = "application/json";

  /**
   * @param document in UTF-8
   */
  public static Reply json(int status, byte[] document) {
    return new Reply(status, JSON, document, Map.of());
  }

  /**
   * A refusal: {@code {"error": sentence}}.
   *
   * @param sentence says what to do about it
   */
  public static Reply error(int status, String sentence) {
    JsonObject document = new JsonObject();
    document.addProperty("error", sentence);
    return json(status, document.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The same with one more header. */
  public Reply with(String header, String value) {
    Map<String, String> more = new HashMap<>(headers);
    more.put(header, value);
    return new Reply(status, contentType, body, Map.copyOf(more));
  }
}
