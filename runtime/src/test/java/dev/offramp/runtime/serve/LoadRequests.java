package dev.offramp.runtime.serve;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The requests of a load, numbered from 0 and going through the texts in turns. */
final class LoadRequests {
  /** What the server is to say of a text: label, confidence with 4 digits, exit. */
  record Expected(String label, String confidence, String exit) {}

  private final int rows;
  private final byte[] head;
  private final List<byte[]> tails = new ArrayList<>(); // of bodies, after the id
  private final List<Expected> expected;
  private final int texts;

  /**
   * @param expected of texts, or empty if nothing is known
   * @param rows texts a request
   * @param full whether no text may leave early
   */
  LoadRequests(
      URI server,
      String model,
      List<String> texts,
      List<Expected> expected,
      int rows,
      boolean full) {
    this.rows = rows;
    this.expected = expected;
    this.texts = texts.size();
    head =
        "POST /v2/models/%s/infer HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
            .formatted(model, server.getAuthority())
            .getBytes(StandardCharsets.US_ASCII);
    for (int request = 0; request < texts.size(); request++) {
      List<String> data = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        data.add(texts.get(text(request, row)));
      }
      String tail =
          "\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[%d],\"data\":%s}]"
                  .formatted(rows, new Gson().toJson(data))
              + ",\"outputs\":[{\"name\":\"label\"},{\"name\":\"confidence\"},{\"name\":\"exit\"}]"
              + (full ? ",\"parameters\":{\"full_depth\":true}}" : "}");
      tails.add(tail.getBytes(StandardCharsets.UTF_8));
    }
  }

  private int text(int request, int row) {
    return (int) (((long) request * rows + row) % texts);
  }

  int rows() {
    return rows;
  }

  /** Head and body. */
  ByteBuffer request(int number) {
    byte[] tail = tails.get(number % tails.size());
    byte[] id = "{\"id\":\"%d\",".formatted(number).getBytes(StandardCharsets.US_ASCII);
    byte[] length =
        "Content-Length: %d\r\n\r\n"
            .formatted(id.length + tail.length)
            .getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(head.length + length.length + id.length + tail.length)
        .put(head)
        .put(length)
        .put(id)
        .put(tail)
        .flip();
  }

  /** What is wrong with an answer, or null. */
  String problem(int number, String body) {
    try {
      return problem(number, JsonParser.parseString(body).getAsJsonObject());
    } catch (RuntimeException e) {
      return e.toString();
    }
  }

  private String problem(int number, JsonObject answer) {
    if (!answer.get("id").getAsString().equals(Integer.toString(number))) {
      return "another id";
    }
    Map<String, JsonArray> outputs = new TreeMap<>();
    for (JsonElement output : answer.getAsJsonArray("outputs")) {
      JsonObject tensor = output.getAsJsonObject();
      outputs.put(tensor.get("name").getAsString(), tensor.getAsJsonArray("data"));
    }
    for (int row = 0; row < rows; row++) {
      String label = outputs.get("label").get(row).getAsString();
      float confidence = outputs.get("confidence").get(row).getAsFloat();
      int exit = outputs.get("exit").get(row).getAsInt();
      if (!expected.isEmpty()) {
        Expected as = expected.get(text(number % tails.size(), row));
        Expected is =
            new Expected(
                label, String.format(Locale.ROOT, "%.4f", confidence), Integer.toString(exit));
        if (!is.equals(as)) {
          return "row %d is %s, not %s,".formatted(row, is, as);
        }
      }
    }
    return null;
  }
}
