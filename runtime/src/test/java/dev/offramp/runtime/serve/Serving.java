package dev.offramp.runtime.serve;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.serve.AuditOptions.OnAlarm;
import dev.offramp.runtime.serve.http.HttpLimits;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A server in this process and a well-behaved client of it. */
final class Serving implements AutoCloseable {
  static final AuditOptions NO_AUDIT = new AuditOptions(0, 0.01, OnAlarm.REPORT);

  private final HttpClient client = HttpClient.newHttpClient();
  private final Server server;
  private final String token;

  Serving(Map<String, Path> models, EngineOptions engine, AuditOptions audit) {
    this(models, engine, audit, null);
  }

  Serving(Map<String, Path> models, EngineOptions engine, AuditOptions audit, String token) {
    this.token = token;
    InferLimits limits =
        new InferLimits(
            64, 10_000, 1 << 20, 1 << 20, Duration.ofSeconds(30), Duration.ofSeconds(60));
    server =
        Server.open(
            models,
            new Server.Options(
                "127.0.0.1",
                0,
                token,
                "test",
                HttpLimits.defaults(),
                limits,
                engine,
                audit,
                Duration.ofMillis(5)));
  }

  static EngineOptions options() {
    return EngineOptions.latency().withThreads(DeviceOptions.defaults().threads()).withBatch(8);
  }

  /** Rows exit at a threshold that was given by hand. */
  static EngineOptions byHand() {
    return options().withPolicy(new EngineOptions.Policy.ByHand(0.9));
  }

  Serving load() {
    server.load();
    return this;
  }

  Server server() {
    return server;
  }

  /** An answer with its JSON. */
  record Answer(int status, String body, HttpResponse<String> response) {
    JsonObject json() {
      return JsonParser.parseString(body).getAsJsonObject();
    }

    JsonArray output(String name) {
      for (var output : json().getAsJsonArray("outputs")) {
        if (output.getAsJsonObject().get("name").getAsString().equals(name)) {
          return output.getAsJsonObject().getAsJsonArray("data");
        }
      }
      throw new AssertionError("no output " + name + " in " + body);
    }
  }

  Answer get(String path) throws IOException, InterruptedException {
    return send(request(path).GET());
  }

  Answer post(String path, String body) throws IOException, InterruptedException {
    return post(path, body.getBytes(StandardCharsets.UTF_8));
  }

  Answer post(String path, byte[] body) throws IOException, InterruptedException {
    return send(
        request(path)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(body)));
  }

  /** Asks of a model what it says of texts. */
  Answer infer(String model, String more, String... texts)
      throws IOException, InterruptedException {
    return post("/v2/models/" + model + "/infer", body(more, texts));
  }

  /**
   * @param more fields of the request, each with a comma before it
   */
  static String body(String more, String... texts) {
    JsonArray data = new JsonArray();
    for (String text : texts) {
      data.add(text);
    }
    return "{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[%d],\"data\":%s}]%s}"
        .formatted(texts.length, data, more);
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    return token == null ? builder : builder.header("Authorization", "Bearer " + token);
  }

  private Answer send(HttpRequest.Builder request) throws IOException, InterruptedException {
    HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
    return new Answer(response.statusCode(), response.body(), response);
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
