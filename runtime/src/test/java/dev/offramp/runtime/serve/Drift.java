package dev.offramp.runtime.serve;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.models.Example;
import dev.offramp.models.TextData;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Feeds a running server texts of the usual kind and then of another kind, until it raises the
 * alarm; then compares its answers with those at full depth, which is what {@code serve --on-alarm
 * full-depth} promises.
 *
 * <pre>
 * Drift URL MODEL USUAL.tsv OTHER.tsv USUAL_SAMPLES MOST_OTHER_SAMPLES [SEED]
 * </pre>
 *
 * <p>Texts are drawn with replacement. Exit code 1 if the alarm came early or not at all, or an
 * answer after it was not the full model's.
 */
public final class Drift {
  private static final int ROWS = 32;
  private static final int MILLIS_FOR_AUDITS = 20;

  private final HttpClient client = HttpClient.newHttpClient();
  private final URI server;
  private final String model;
  private final Random random;

  private Drift(URI server, String model, long seed) {
    this.server = server;
    this.model = model;
    random = new Random(seed);
  }

  public static void main(String[] arguments) throws Exception {
    long seed = arguments.length > 6 ? Long.parseLong(arguments[6]) : System.nanoTime();
    Drift drift = new Drift(URI.create(arguments[0]), arguments[1], seed);
    List<String> usual = texts(arguments[2]);
    List<String> other = texts(arguments[3]);
    boolean right =
        drift.run(usual, other, Integer.parseInt(arguments[4]), Integer.parseInt(arguments[5]));
    System.exit(right ? 0 : 1);
  }

  private static List<String> texts(String file) {
    return TextData.read(Path.of(file)).stream().map(Example::text).toList();
  }

  private boolean run(List<String> usual, List<String> other, int quiet, int most)
      throws IOException, InterruptedException {
    int sent = feed(usual, quiet);
    JsonObject before = risk();
    long auditedBefore = audited();
    System.out.printf("usual texts: %d sent, %d audited; %s%n", sent, auditedBefore, told(before));
    if (before.get("alarm").getAsBoolean()) {
      System.out.println("the alarm came before the drift");
      return false;
    }
    int others = feed(other, most);
    JsonObject after = risk();
    System.out.printf(
        "other texts: alarm %s after %d sent, %d audited; %s%n",
        after.get("alarm").getAsBoolean() ? "raised" : "not raised",
        others,
        audited() - auditedBefore,
        told(after));
    int differing = 0;
    for (int from = 0; from + ROWS <= other.size(); from += ROWS) {
      List<String> some = other.subList(from, from + ROWS);
      differing += infer(some, false).equals(infer(some, true)) ? 0 : 1;
    }
    System.out.printf(
        "then: %d of %d requests of %d texts were not answered as at full depth%n",
        differing, other.size() / ROWS, ROWS);
    return after.get("alarm").getAsBoolean() && differing == 0;
  }

  /** Sends texts until the alarm is raised or so many were sent; returns how many. */
  private int feed(List<String> texts, int count) throws IOException, InterruptedException {
    int sent = 0;
    while (sent < count && !risk().get("alarm").getAsBoolean()) {
      List<String> some = new ArrayList<>();
      for (int row = 0; row < ROWS; row++) {
        some.add(texts.get(random.nextInt(texts.size())));
      }
      infer(some, false);
      sent += ROWS;
      Thread.sleep(MILLIS_FOR_AUDITS); // Audits run when nothing else does.
    }
    return sent;
  }

  private static String told(JsonObject risk) {
    return risk.get("mean").isJsonNull()
        ? "nothing known"
        : "%s %.4f [%.4f, %.4f], epsilon %s, log evidence %.2f of %.2f"
            .formatted(
                risk.get("risk").getAsString(),
                risk.get("mean").getAsDouble(),
                risk.get("lower").getAsDouble(),
                risk.get("upper").getAsDouble(),
                risk.get("epsilon"),
                risk.get("logEvidence").getAsDouble(),
                risk.get("logThreshold").getAsDouble());
  }

  private JsonObject audit() throws IOException, InterruptedException {
    for (var one : get("/status").getAsJsonArray("models")) {
      if (one.getAsJsonObject().get("name").getAsString().equals(model)) {
        return one.getAsJsonObject().getAsJsonObject("audit");
      }
    }
    throw new IllegalArgumentException("no model is called " + model);
  }

  private JsonObject risk() throws IOException, InterruptedException {
    return audit().getAsJsonArray("risks").get(0).getAsJsonObject();
  }

  private long audited() throws IOException, InterruptedException {
    return audit().get("done").getAsLong();
  }

  private JsonObject get(String path) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(server.resolve(path)).build();
    return JsonParser.parseString(client.send(request, BodyHandlers.ofString()).body())
        .getAsJsonObject();
  }

  /** The outputs of a request. */
  private JsonArray infer(List<String> texts, boolean full)
      throws IOException, InterruptedException {
    JsonArray data = new JsonArray();
    texts.forEach(data::add);
    String body =
        "{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[%d],\"data\":%s}],\"parameters\":{\"full_depth\":%b}}"
            .formatted(texts.size(), data, full);
    HttpRequest request =
        HttpRequest.newBuilder(server.resolve("/v2/models/" + model + "/infer"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build();
    var answer = client.send(request, BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException(answer.statusCode() + ": " + answer.body());
    }
    return JsonParser.parseString(answer.body()).getAsJsonObject().getAsJsonArray("outputs");
  }
}
