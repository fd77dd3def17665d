package dev.offramp.runtime.serve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A server that starts, fills up, loses clients, gets another model and ends. */
class ServerLifeTest extends OnTinyModel {
  private static final EngineOptions OPTIONS = Serving.byHand();

  @Test
  void saysThatTheHeapIsTooSmallForTheModels() throws Exception {
    assertThat(Server.heapWarning(61 << 20, 100 << 20))
        .hasValueSatisfying(
            warning -> assertThat(warning).contains("61 MB", "100 MB", "OFFRAMP_JAVA_OPTS"));
    assertThat(Server.heapWarning(60 << 20, 100 << 20)).isEmpty();
    ServedModel model = new ServedModel("tiny", directory, OPTIONS, Serving.NO_AUDIT);
    try (model) {
      model.load();
      assertThat(model.heapBytes())
          .isGreaterThan(Files.size(directory.resolve("model.safetensors")) / 2);
    }
  }

  @Test
  void aFullQueueSaysSoAndLosesNothing() throws Exception {
    EngineOptions slow = OPTIONS.withBatch(1).withQueue(1).withMaxWait(Duration.ofMillis(20));
    String[] texts = TinyModel.sentences(random.nextLong(), 60).toArray(String[]::new);
    try (Serving serving = new Serving(Map.of("tiny", directory), slow, Serving.NO_AUDIT).load()) {
      var refused = serving.infer("tiny", "", texts);
      assertThat(refused.status()).as(refused.body()).isEqualTo(400); // more than the queue holds
      assertThat(serving.infer("tiny", "", "wab").status()).isEqualTo(200);
      try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
        List<Future<Serving.Answer>> answers = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
          answers.add(clients.submit(() -> serving.infer("tiny", "", texts[0])));
        }
        int full = 0;
        String expected = null;
        for (Future<Serving.Answer> future : answers) {
          Serving.Answer answer = future.get();
          if (answer.status() == 503) {
            full++;
            assertThat(answer.response().headers().firstValue("Retry-After")).hasValue("1");
          } else {
            assertThat(answer.status()).as(answer.body()).isEqualTo(200);
            expected = expected == null ? answer.body() : expected;
            assertThat(answer.body()).isEqualTo(expected);
          }
        }
        assertThat(full).isPositive();
      }
    }
  }

  /**
   * Requests go on while the directory is replaced, again and again, by one that says other things.
   */
  @Test
  void aModelIsReplacedWithoutLosingARequest() throws Exception {
    Path served = folder.resolve("served");
    Path other = TinyModel.write(folder.resolve("other"), 8, 1, 4);
    Files.createSymbolicLink(served, directory);
    List<String> texts = TinyModel.sentences(random.nextLong(), 10);
    try (Serving serving = new Serving(Map.of("m", served), OPTIONS, Serving.NO_AUDIT).load();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      AtomicBoolean ended = new AtomicBoolean();
      AtomicInteger answered = new AtomicInteger();
      List<Future<List<Serving.Answer>>> users = new ArrayList<>();
      for (int u = 0; u < 4; u++) {
        users.add(
            clients.submit(() -> {
              List<Serving.Answer> answers = new ArrayList<>();
              for (int i = 0; !ended.get(); i++) {
                answers.add(serving.infer("m", "", texts.get(i % texts.size())));
                answered.incrementAndGet();
              }
              return answers;
            }));
      }
      List<String> versions = new ArrayList<>();
      for (Path next : List.of(other, directory, folder.resolve("missing"), other)) {
        int before = answered.get();
        until("some answers of what is served now", () -> answered.get() > before + 12);
        Files.delete(served);
        Files.createSymbolicLink(served, next);
        var loaded = serving.post("/v2/repository/models/m/load", "{}");
        assertThat(loaded.status()).as(loaded.body()).isEqualTo(Files.exists(next) ? 200 : 400);
        versions.add(
            serving.get("/v2/models/m").json().getAsJsonArray("versions").get(0).getAsString());
      }
      int before = answered.get();
      until("some answers of the last one", () -> answered.get() > before + 12);
      ended.set(true);
      assertThat(versions.get(0)).isNotEqualTo(versions.get(1)).isEqualTo(versions.get(3));
      assertThat(versions.get(2))
          .as("a directory that cannot be loaded")
          .isEqualTo(versions.get(1));
      for (Future<List<Serving.Answer>> user : users) {
        List<Serving.Answer> answers = user.get();
        for (int i = 0; i < answers.size(); i++) {
          Serving.Answer answer = answers.get(i);
          assertThat(answer.status()).as(answer.body()).isEqualTo(200);
          assertThat(answer.json().get("model_version").getAsString()).isIn(versions);
        }
      }
      assertThat(serving.get("/v2/health/live").status()).isEqualTo(200);
    }
  }

  @Test
  void aClientThatGoesAwayIsNotComputed() throws Exception {
    EngineOptions patient = OPTIONS.withMaxWait(Duration.ofSeconds(4));
    try (Serving serving =
        new Serving(Map.of("tiny", directory), patient, Serving.NO_AUDIT).load()) {
      String body = Serving.body("", "wab wac");
      String head =
          "POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
      String request = "%sContent-Length: %d\r\n\r\n%s".formatted(head, body.length(), body);
      try (Socket client = new Socket("127.0.0.1", serving.server().port())) {
        client.getOutputStream().write(request.getBytes(US_ASCII));
        Thread.sleep(200); // It waits for company for some seconds.
      }
      String dropped = "offramp_dropped_rows_total{model=\"tiny\"} 1.0";
      until(
          "seeing that the client is gone", () -> serving.get("/metrics").body().contains(dropped));
      assertThat(serving.get("/metrics").body())
          .contains("offramp_stage_rows_total{model=\"tiny\",stage=\"0\"} 0.0");
    }
  }

  @Test
  void drainAnswersWhatCame() throws Exception {
    EngineOptions patient = OPTIONS.withMaxWait(Duration.ofSeconds(2));
    try (Serving serving =
            new Serving(Map.of("tiny", directory), patient, Serving.NO_AUDIT).load();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Serving.Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        answers.add(clients.submit(() -> serving.infer("tiny", "", "wab wac")));
      }
      until("five clients", () -> serving.get("/status").json().get("connections").getAsInt() == 6);
      Thread.sleep(100); // They wait for company at three stages, and have not been answered yet.
      assertThat(serving.server().drain(Duration.ofSeconds(20))).isTrue();
      for (Future<Serving.Answer> answer : answers) {
        assertThat(answer.get().status()).isEqualTo(200);
      }
      assertThatThrownBy(() -> serving.get("/v2/health/live")).isInstanceOf(ConnectException.class);
    }
  }

  /** Who waits for the server may have taken all of its connections: it starts all the same. */
  @Test
  void aServerWithoutAConnectionForItselfStarts() throws Exception {
    int closed;
    try (ServerSocket socket = new ServerSocket(0)) {
      closed = socket.getLocalPort();
      Thread rude =
          Thread.startVirtualThread(() -> {
            try {
              socket.accept().close();
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      assertThat(SelfTalk.run("127.0.0.1", closed, null, Duration.ofMillis(100))).isZero();
      rude.join();
    }
    assertThat(SelfTalk.run("127.0.0.1", closed, null, Duration.ofMillis(100))).isZero();
    try (Serving serving =
        new Serving(Map.of("tiny", directory), OPTIONS, Serving.NO_AUDIT).load()) {
      int port = serving.server().port();
      assertThat(SelfTalk.run("127.0.0.1", port, null, Duration.ofMillis(100))).isPositive();
    }
  }

  /** On a busy machine the first one takes seconds. */
  @Test
  void aServerWaitsForASlowAnswerToItself() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      Thread slow =
          Thread.startVirtualThread(() -> {
            try (Socket client = socket.accept()) {
              Thread.sleep(1_500);
              client
                  .getOutputStream()
                  .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".getBytes(US_ASCII));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      int port = socket.getLocalPort();
      assertThat(SelfTalk.run("127.0.0.1", port, null, Duration.ofMillis(100))).isOne();
      slow.join();
    }
  }
}
