package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.HttpFront;
import dev.offramp.runtime.serve.http.HttpLimits;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.http.Service;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The load generator, for what it says of a server must be true. */
class LoadTest {
  private static final int TEXTS = 20;

  @TempDir Path folder;
  private Path texts;
  private Path expected;
  private String said;

  @BeforeEach
  void write() throws IOException {
    StringJoiner lines = new StringJoiner("\n").add("label\ttext");
    StringJoiner answers = new StringJoiner("\n").add("index\tlabel\tconfidence\texit");
    for (int i = 0; i < TEXTS; i++) {
      lines.add("l\ttext %d é \"quoted\"".formatted(i));
      answers.add("%d\tlabel %d\t0.50%02d\t%d".formatted(i, i, i, i % 3));
    }
    texts = Files.writeString(folder.resolve("texts.tsv"), lines.toString());
    expected = Files.writeString(folder.resolve("expected.tsv"), answers.toString());
  }

  /** Answers as expected, unless the text has a certain number. */
  private record Fake(int wrongAt, int busyAt) implements Service {
    @Override
    public Reply answer(Call call) {
      JsonObject request =
          JsonParser.parseString(new String(call.body(), StandardCharsets.UTF_8)).getAsJsonObject();
      StringJoiner labels = new StringJoiner(",", "[", "]");
      StringJoiner confidences = new StringJoiner(",", "[", "]");
      StringJoiner exits = new StringJoiner(",", "[", "]");
      JsonObject input = request.getAsJsonArray("inputs").get(0).getAsJsonObject();
      for (JsonElement text : input.getAsJsonArray("data")) {
        assertThat(text.getAsString()).endsWith("é \"quoted\"");
        int number = Integer.parseInt(text.getAsString().split(" ")[1]);
        if (number == busyAt) {
          return Reply.error(503, "busy");
        }
        labels.add("\"label %d\"".formatted(number));
        confidences.add("0.50%02d".formatted(number == wrongAt ? number + 1 : number));
        exits.add(Integer.toString(number % 3));
      }
      String reply =
          """
          {"id":%s,"outputs":[{"name":"label","data":%s},
          {"name":"confidence","data":%s},{"name":"exit","data":%s}]}
          """
              .formatted(request.get("id"), labels, confidences, exits);
      return Reply.json(200, reply.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public boolean isPublic(String path) {
      return true;
    }
  }

  private boolean load(int port, String... more) throws IOException {
    String[] arguments = new String[4 + more.length];
    arguments[0] = "http://127.0.0.1:" + port;
    arguments[1] = "m";
    arguments[2] = texts.toString();
    arguments[3] = expected.toString();
    System.arraycopy(more, 0, arguments, 4, more.length);
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      return Load.run(arguments);
    } finally {
      System.setOut(out);
      said = printed.toString(StandardCharsets.UTF_8);
    }
  }

  private static HttpFront serve(int wrongAt, int busyAt) {
    return HttpFront.open(
        "127.0.0.1", 0, HttpLimits.defaults(), null, null, new Fake(wrongAt, busyAt));
  }

  @Test
  void rightAnswersAreCounted() throws IOException {
    try (HttpFront front = serve(-1, -1)) {
      assertThat(load(front.port(), "800", "0.25")).as(said).isTrue();
      assertThat(said)
          .contains("sent 200, answered 200 {200=200}, refused 0, lost 0, doubled 0, wrong 0");
      assertThat(front.answers(2)).as("with those that warm up").isGreaterThan(200);
      assertThat(load(front.port(), "400", "0.125", "rows=3", "full", "connections=1")).isTrue();
      assertThat(said).contains("sent 50, answered 50 {200=50}");
    }
  }

  @Test
  void wrongAnswersAreFound() throws IOException {
    try (HttpFront front = serve(7, 3)) {
      assertThat(load(front.port(), "800", "0.25")).isFalse();
      assertThat(said)
          .contains("answered 200 {200=190, 503=10}, refused 0, lost 0, doubled 0, wrong 10")
          .contains("confidence=0.5008")
          .contains("confidence=0.5007");
    }
  }

  /** On a service that is too busy for more than a certain rate, however fast the machine is. */
  @Test
  void theLargestRateIsLookedFor() throws IOException {
    Bucket service = new Bucket(new Fake(-1, -1));
    try (HttpFront front =
        HttpFront.open("127.0.0.1", 0, HttpLimits.defaults(), null, null, service)) {
      assertThat(load(front.port(), "max", "500", "0.2")).as(said).isTrue();
      Matcher found = Pattern.compile("largest rate with p99 <= 500 ms: ([0-9.]+)").matcher(said);
      assertThat(found.find()).as(said).isTrue();
      assertThat(Double.parseDouble(found.group(1))).isBetween(50.0, 1.5 * Bucket.RATE);
      assertThat(said).contains("503=");
      assertThat(load(front.port(), "max", "0.001", "0.1")).as(said).isTrue();
      assertThat(said).contains("no rate keeps p99 <= 0.001 ms");
    }
  }

  /** Lets so many requests a second through, and a few more for a moment. */
  private static final class Bucket implements Service {
    static final double RATE = 1000;
    private static final double MOST = 15;
    private final Service service;
    private double tokens = MOST;
    private long filled = System.nanoTime();

    Bucket(Service service) {
      this.service = service;
    }

    @Override
    public Reply answer(Call call) throws InterruptedException {
      return take() ? service.answer(call) : Reply.error(503, "busy");
    }

    private synchronized boolean take() {
      long now = System.nanoTime();
      tokens = Math.min(MOST, tokens + RATE * (now - filled) / 1e9);
      filled = now;
      if (tokens < 1) {
        return false;
      }
      tokens--;
      return true;
    }

    @Override
    public boolean isPublic(String path) {
      return true;
    }
  }

  /** Answers nothing on some connections, and twice on the others. */
  @Test
  void lostAndDoubledAnswersAreFound() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> misbehave(server));
      assertThat(load(server.getLocalPort(), "100", "0.2")).isFalse();
    }
    assertThat(said).contains("sent 20, answered 10 {503=10}, refused 0, lost 10, doubled 10");
  }

  private static void misbehave(ServerSocket server) {
    String answer = "HTTP/1.1 503 x\r\nContent-Length: 2\r\nX: y\r\n\r\n{}";
    byte[] twice = (answer + answer).getBytes(StandardCharsets.US_ASCII);
    try {
      for (int i = 0; ; i++) {
        try (Socket socket = server.accept()) {
          socket.getInputStream().read(new byte[10_000]);
          OutputStream out = socket.getOutputStream();
          out.write(twice, 0, i % 2 == 0 ? 10 : twice.length);
        }
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  @Test
  void aServerThatIsNotThereRefuses() throws IOException {
    int port;
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = server.getLocalPort();
    }
    assertThat(load(port, "100", "0.1")).isTrue();
    assertThat(said).contains("sent 10, answered 0 {}, refused 10, lost 0");
  }
}
