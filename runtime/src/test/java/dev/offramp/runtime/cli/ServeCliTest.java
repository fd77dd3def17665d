package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.refuses;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in a process of its own, ended kindly and unkindly, and its usage. */
class ServeCliTest {
  private static final Pattern PORT = Pattern.compile("listening on http://127\\.0\\.0\\.1:(\\d+)");
  private static final Pattern ANSWERS = Pattern.compile("(\\d+) answers were OK");
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int SIGTERM = 128 + 15;
  private static final int CLIENTS = 4;
  private static final int LEAST_ANSWERS = 100;

  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void write() {
    model = TinyModel.write(folder.resolve("tiny"), 33, 1, 2, 4);
  }

  private Process start() throws IOException {
    return Offramp.start(
        folder, "serve", "--model", model, "--lambda", "0.9", "--port", 0, "--threads", 2);
  }

  private String log() throws IOException {
    return Files.readString(folder.resolve("stderr"));
  }

  /** The port, once it is ready. */
  private int ready(HttpClient client, Process process) throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    while (Instant.now().isBefore(end) && process.isAlive()) {
      Matcher port = PORT.matcher(log());
      if (port.find() && status(client, Integer.parseInt(port.group(1))) == 200) {
        return Integer.parseInt(port.group(1));
      }
      Thread.sleep(50);
    }
    throw new AssertionError("not ready: " + log());
  }

  private static int status(HttpClient client, int port) throws Exception {
    URI ready = URI.create("http://127.0.0.1:" + port + "/v2/health/ready");
    return client
        .send(HttpRequest.newBuilder(ready).build(), BodyHandlers.discarding())
        .statusCode();
  }

  /** Asks until it is turned away; the number of answers, each of them whole. */
  private static int ask(HttpClient client, int port, CountDownLatch enough)
      throws InterruptedException {
    String body =
        "{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"wab\"]}]}";
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v2/models/tiny/infer"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build();
    int answers = 0;
    try {
      while (true) {
        var answer = client.send(request, BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        answers++;
        enough.countDown();
      }
    } catch (IOException e) {
      return answers;
    }
  }

  @Test
  void sigtermUnderLoadLosesNoAnswerAndAKilledServerStartsAgain() throws Exception {
    Process killed = start();
    try (HttpClient client = HttpClient.newHttpClient()) {
      ready(client, killed);
      killed.destroyForcibly().waitFor();
    }
    Process process = start();
    try (HttpClient client = HttpClient.newHttpClient();
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      int port = ready(client, process);
      CountDownLatch enough = new CountDownLatch(LEAST_ANSWERS);
      List<Future<Integer>> asking = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        asking.add(threads.submit(() -> ask(client, port, enough)));
      }
      assertThat(enough.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      process.destroy();
      assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isEqualTo(SIGTERM);
      int received = 0;
      for (Future<Integer> one : asking) {
        received += one.get();
      }
      assertThat(received).isGreaterThanOrEqualTo(LEAST_ANSWERS);
      String log = log();
      assertThat(log).contains("all requests were answered").doesNotContain("not all");
      Matcher sent = ANSWERS.matcher(log);
      assertThat(sent.find()).isTrue();
      // The last question whether it was ready was answered by yes.
      assertThat(Integer.parseInt(sent.group(1))).as("answers sent").isEqualTo(received + 1);
      log.lines()
          .filter(line -> line.startsWith("{"))
          .forEach(line -> assertThat(JsonParser.parseString(line).isJsonObject()).isTrue());
    } finally {
      process.destroyForcibly();
      killed.destroyForcibly();
    }
  }

  @Test
  void wrongUsage() throws IOException {
    refuses(3, "there is no certificate", "serve", "--model", model, "--port", 0);
    Offramp.Outcome none = offramp("serve", "--model", folder.resolve("no"), "--port", 0);
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).contains("is not a directory").doesNotContain("listening");
    refuses(2, "--port 70000", "serve", "--model", model, "--port", 70_000);
    refuses(2, "--audit-rate 2", "serve", "--model", model, "--audit-rate", 2);
    refuses(2, "--alarm-delta 0", "serve", "--model", model, "--alarm-delta", 0);
    refuses(2, "report or full-depth", "serve", "--model", model, "--on-alarm", "panic");
    refuses(
        2,
        "--on-alarm full-depth: --audit-rate 0 audits nothing",
        "serve",
        "--model",
        model,
        "--audit-rate",
        0,
        "--on-alarm",
        "full-depth");
    refuses(2, "no name for a model", "serve", "--model", "a b=" + model);
    refuses(2, "'x=': names no directory", "serve", "--model", "x=");
    refuses(2, "called 'x' already", "serve", "--model", "x=" + model, "--model", "x=" + model);
    refuses(2, "--queue 10", "serve", "--model", model, "--queue", 10);
    refuses(2, "--drain -1", "serve", "--model", model, "--drain", -1);
    refuses(
        2, "--max-wait NaN: must be 0 to 60000", "serve", "--model", model, "--max-wait", "NaN");
    refuses(2, "--lambda 2.0", "serve", "--model", model, "--lambda", 2);
    refuses(2, "--device abacus:0", "serve", "--model", model, "--device", "abacus:0", "--port", 0);
    refuses(2, "--token-file", "serve", "--model", model, "--token-file", folder.resolve("none"));
    Path empty = Files.writeString(folder.resolve("empty"), "\n");
    refuses(2, "holds no token", "serve", "--model", model, "--token-file", empty);
    try (ServerSocket taken = new ServerSocket(0)) {
      int port = taken.getLocalPort();
      refuses(2, "--port " + port, "serve", "--model", model, "--port", port, "--lambda", 0.5);
    }
    assertThat(offramp("serve", "--help").out()).contains("curl", "--on-alarm", "SIGTERM");
  }
}
