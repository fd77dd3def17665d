package dev.offramp.runtime.serve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/** What a server with tiny models says over HTTP, and what it refuses. */
class ServerAnswersTest extends OnTinyModel {
  private static final EngineOptions OPTIONS = Serving.byHand();

  private Serving serving() {
    return new Serving(Map.of("tiny", directory), OPTIONS, Serving.NO_AUDIT).load();
  }

  @Test
  void answersAreThoseOfTheEngine() throws Exception {
    List<String> texts = TinyModel.sentences(random.nextLong(), 40);
    try (Serving serving = serving();
        Engine engine = Engine.open(directory, OPTIONS)) {
      for (boolean full : new boolean[] {false, true}) {
        String more =
            ",\"outputs\":[{\"name\":\"label\"},{\"name\":\"prediction\"},{\"name\":\"confidence\"},"
                + "{\"name\":\"exit\"},{\"name\":\"probabilities\"}],\"parameters\":{\"full_depth\":"
                + full
                + "}";
        var answer = serving.infer("tiny", more, texts.toArray(String[]::new));
        assertThat(answer.status()).as(answer.body()).isEqualTo(200);
        assertThat(answer.json().get("parameters").toString())
            .isEqualTo("{\"guarantee\":\"none\"}");
        int early = 0;
        for (int i = 0; i < texts.size(); i++) {
          Request request = Request.of(texts.get(i)).withProbabilities();
          Result alone = engine.submit(full ? request.atFullDepth() : request).get();
          assertThat(answer.output("label").get(i).getAsString()).isEqualTo(alone.label());
          assertThat(answer.output("prediction").get(i).getAsInt()).isEqualTo(alone.prediction());
          assertThat(answer.output("confidence").get(i).getAsFloat()).isEqualTo(alone.confidence());
          assertThat(answer.output("exit").get(i).getAsInt()).isEqualTo(alone.exit());
          for (int c = 0; c < TinyModel.LABELS.size(); c++) {
            JsonElement probability =
                answer.output("probabilities").get(i * TinyModel.LABELS.size() + c);
            assertThat(probability.getAsFloat()).isEqualTo(alone.probabilities()[c]);
          }
          early += alone.exit() < 2 ? 1 : 0;
        }
        assertThat(early > 0).as("the test is void if nobody exits").isEqualTo(!full);
      }
    }
  }

  @Test
  void imagesAreAnsweredToo() throws Exception {
    Path images =
        TinyImageModel.write(
            folder.resolve("images"), 1, TinyImageModel.FOUR_BLOCKS, TinyImageModel.exits(2, 4));
    try (ModelDirectory model = ModelDirectory.open(images);
        Serving serving = new Serving(Map.of("images", images), OPTIONS, Serving.NO_AUDIT).load();
        Engine engine = Engine.open(images, OPTIONS)) {
      var shape = model.config().resnet().image();
      BufferedImage image =
          new BufferedImage(shape.width(), shape.height(), BufferedImage.TYPE_INT_RGB);
      for (int y = 0; y < shape.height(); y++) {
        for (int x = 0; x < shape.width(); x++) {
          image.setRGB(x, y, random.nextInt(1 << 24));
        }
      }
      Path file = folder.resolve("image.png");
      ImageIO.write(image, "png", file.toFile());
      Result alone = engine.submit(Request.of(file)).get();
      String data = Base64.getEncoder().encodeToString(Files.readAllBytes(file));
      String input = "{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"%s\"]}";
      String body = "{\"inputs\":[" + input + "]}";
      var answer = serving.post("/v2/models/images/infer", body.formatted(data));
      assertThat(answer.status()).as(answer.body()).isEqualTo(200);
      assertThat(answer.output("confidence").get(0).getAsFloat()).isEqualTo(alone.confidence());
      assertThat(answer.output("exit").get(0).getAsInt()).isEqualTo(alone.exit());
      var bad = serving.post("/v2/models/images/infer", body.formatted("AAAA"));
      assertThat(bad.status()).isEqualTo(400);
      assertThat(bad.json().get("error").getAsString()).contains("$.inputs[0].data[0]");
    }
  }

  @Test
  void aRequestToTheRepositoryIsReadStrictly() throws Exception {
    Map<String, Path> models = Map.of("tiny", directory);
    try (Serving serving = new Serving(models, OPTIONS, Serving.NO_AUDIT).load()) {
      String index = "/v2/repository/index";
      String load = "/v2/repository/models/tiny/load";
      for (String body : List.of("", "{}", "{\"ready\":false}", "{\"ready\":true}")) {
        assertThat(serving.post(index, body).body()).as(body).contains("\"name\":\"tiny\"");
      }
      for (String body : List.of("", "{}", "{\"parameters\":{}}", "{\"parameters\":null}")) {
        assertThat(serving.post(load, body).status()).as(body).isEqualTo(200);
      }
      refuses(serving.post(index, "{\"ready\":1}"), "$.ready");
      refuses(serving.post(index, "{\"name\":\"tiny\"}"), "$.name");
      refuses(serving.post(index, "ready"), "not strict JSON");
      refuses(serving.post(load, "{\"parameters\":{\"config\":\"x\"}}"), "$.parameters.config");
      refuses(serving.post(load, "{\"lambda\":0.1}"), "$.lambda");
      refuses(serving.post(load, "[]"), "must be an object");
    }
  }

  private static void refuses(Serving.Answer answer, String why) {
    assertThat(answer.status()).as(answer.body()).isEqualTo(400);
    assertThat(answer.json().get("error").getAsString()).contains(why);
  }

  @Test
  void tellsOfItself() throws Exception {
    Path other = TinyModel.write(folder.resolve("other"), 8, 2, 4);
    Map<String, Path> models = Map.of("tiny", directory, "b-1.x", other);
    try (Serving serving = new Serving(models, OPTIONS, Serving.NO_AUDIT)) {
      assertThat(serving.get("/v2/health/live").status()).isEqualTo(200);
      assertThat(serving.get("/v2/health/ready").status()).as("not loaded yet").isEqualTo(503);
      assertThat(serving.get("/v2/models/tiny/ready").status()).isEqualTo(503);
      assertThat(serving.infer("tiny", "", "wab").status()).isEqualTo(503);
      assertThat(serving.post("/v2/repository/index", "{\"ready\":true}").body()).isEqualTo("[]");
      serving.load();
      assertThat(serving.get("/v2/health/ready").status()).isEqualTo(200);
      assertThat(serving.get("/v2").json().get("name").getAsString()).isEqualTo("offramp");
      JsonObject metadata = serving.get("/v2/models/b-1.x").json();
      String version = metadata.getAsJsonArray("versions").get(0).getAsString();
      assertThat(metadata.getAsJsonObject("parameters").get("certificate").getAsString())
          .isEqualTo("none");
      assertThat(serving.get("/v2/models/b-1.x/versions/" + version).json()).isEqualTo(metadata);
      assertThat(serving.get("/v2/models/b-1.x/versions/" + version + "/ready").status())
          .isEqualTo(200);
      assertThat(serving.get("/v2/models/b-1.x/versions/7").status()).isEqualTo(404);
      assertThat(JsonParser.parseString(serving.post("/v2/repository/index", "").body()))
          .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.type(JsonArray.class))
          .satisfies(all -> assertThat(all).hasSize(2));
      assertThat(serving.infer("tiny", "", "wab", "wac").status()).isEqualTo(200);
      String metrics = serving.get("/metrics").body();
      assertThat(metrics)
          .contains("offramp_requests_total{model=\"tiny\",status=\"200\"} 1.0")
          .contains("offramp_requests_total{model=\"tiny\",status=\"503\"} 1.0")
          .contains("offramp_ready{model=\"b-1.x\"} 1.0")
          .contains(
              "offramp_model_info{certificate=\"none\",device=\"jvm\",model=\"b-1.x\",precision=\"F32\",version=\"%s\"} 1.0"
                  .formatted(version))
          .contains("offramp_stage_rows_total{model=\"tiny\",stage=\"0\"} 2.0");
      JsonObject status = serving.get("/status").json();
      assertThat(status.getAsJsonArray("models")).hasSize(2);
      assertThat(serving.get("/").response().headers().firstValue("Content-Security-Policy"))
          .hasValueSatisfying(policy -> assertThat(policy).startsWith("default-src 'none'"));
    }
  }

  @Test
  void refusesWhatItCannotAnswer() throws Exception {
    try (Serving serving = serving()) {
      assertThat(serving.infer("nobody", "", "wab").status()).isEqualTo(404);
      assertThat(serving.infer("%2e%2e", "", "wab").status()).isEqualTo(400);
      for (String path : List.of("/v2/models/", "/v2/models/..", "/v2/models/tiny%00")) {
        assertThat(serving.get(path).status()).as(path).isEqualTo(400);
      }
      for (String path :
          List.of(
              "/x",
              "/v2/",
              "/v2/models",
              "/v2/models/tiny/x",
              "//",
              "/v2/repository/models",
              "/v2/repository/models/tiny/unload",
              "/v2/models/tiny/infer/x")) {
        assertThat(serving.get(path).status()).as(path).isEqualTo(404);
      }
      assertThat(serving.get("/v2/models/tiny/infer").status()).isEqualTo(405);
      assertThat(serving.post("/v2/models/tiny", "{}").status()).isEqualTo(405);
      var loosened = serving.infer("tiny", ",\"parameters\":{\"lambda\":0.1}", "wab");
      assertThat(loosened.status()).isEqualTo(400);
      assertThat(loosened.json().get("error").getAsString()).contains("$.parameters.lambda");
      var late = serving.infer("tiny", ",\"parameters\":{\"timeout\":1}", "wab");
      assertThat(late.status()).isEqualTo(504);
      String[] many = TinyModel.sentences(1, 65).toArray(String[]::new);
      assertThat(serving.infer("tiny", "", many).json().get("error").getAsString()).contains("64");
    }
    assertThatThrownBy(() -> new Serving(Map.of("a/b", directory), OPTIONS, Serving.NO_AUDIT))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("'a/b' is no name for a model");
  }

  /** Spoilt requests are refused, and who asks well meanwhile gets the same answer as ever. */
  @Test
  void badRequestsHarmNobody() throws Exception {
    byte[] good =
        Serving.body(",\"parameters\":{\"full_depth\":false}", "wab wac", "wad").getBytes(US_ASCII);
    try (Serving serving = serving();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      String expected = serving.infer("tiny", "", "wab wac", "wad").body();
      AtomicBoolean ended = new AtomicBoolean();
      Future<Integer> wellBehaved =
          clients.submit(() -> {
            int answers = 0;
            while (!ended.get()) {
              assertThat(serving.infer("tiny", "", "wab wac", "wad").body()).isEqualTo(expected);
              answers++;
            }
            return answers;
          });
      int refused = 0;
      for (int i = 0; i < 400; i++) {
        byte[] spoilt = good.clone();
        for (int change = 0; change <= i % 3; change++) {
          spoilt[random.nextInt(spoilt.length)] = (byte) random.nextInt(256);
        }
        var answer = serving.post("/v2/models/tiny/infer", spoilt);
        assertThat(answer.status()).as(answer.body()).isIn(200, 400);
        if (answer.status() == 400) {
          assertThat(answer.json().get("error").getAsString()).startsWith("$");
          refused++;
        }
      }
      ended.set(true);
      assertThat(refused).as("the test is void if none is spoilt").isGreaterThan(120);
      assertThat(wellBehaved.get()).isPositive();
    }
  }

  @Test
  void asksForTheToken() throws Exception {
    Map<String, Path> models = Map.of("tiny", directory);
    try (Serving serving = new Serving(models, OPTIONS, Serving.NO_AUDIT, "secret-7").load();
        var client = java.net.http.HttpClient.newHttpClient()) {
      assertThat(serving.infer("tiny", "", "wab").status()).isEqualTo(200);
      assertThat(serving.post("/v2/repository/models/tiny/load", "").status()).isEqualTo(200);
      for (String path : List.of("/v2", "/status", "/metrics", "/v2/models/tiny", "/x")) {
        assertThat(unauthorised(client, serving, path)).as(path).isEqualTo(401);
      }
      for (String path : List.of("/", "/v2/health/live", "/v2/health/ready")) {
        assertThat(unauthorised(client, serving, path)).as(path).isEqualTo(200);
      }
    }
  }

  private static int unauthorised(java.net.http.HttpClient client, Serving serving, String path)
      throws Exception {
    var uri = java.net.URI.create("http://127.0.0.1:" + serving.server().port() + path);
    var request = java.net.http.HttpRequest.newBuilder(uri).build();
    return client.send(request, java.net.http.HttpResponse.BodyHandlers.ofString()).statusCode();
  }
}
