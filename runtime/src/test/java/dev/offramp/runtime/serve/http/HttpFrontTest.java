package dev.offramp.runtime.serve.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is answered, and what is refused before the service hears of it. */
class HttpFrontTest {
  private static final HttpLimits LIMITS =
      new HttpLimits(
          50,
          1000,
          10_000,
          15_000,
          Duration.ofSeconds(20),
          Duration.ofSeconds(20),
          Duration.ofSeconds(20),
          Duration.ofSeconds(20),
          Duration.ofSeconds(20));

  private final EchoService service = new EchoService();
  private HttpFront front;

  @BeforeEach
  void open() {
    front = HttpFront.open("127.0.0.1", 0, LIMITS, null, null, service);
  }

  @AfterEach
  void close() {
    front.close();
  }

  private RawClient client() throws Exception {
    return new RawClient(front.port());
  }

  private RawClient.Answer ask(String request) throws Exception {
    try (RawClient client = client()) {
      return client.send(request).answer();
    }
  }

  /** Refused with a sentence, and the connection is ended; or kept for the next request. */
  private void isRefused(String request, int status, String sentence, boolean ends)
      throws Exception {
    try (RawClient client = client()) {
      RawClient.Answer answer = client.send(request).answer();
      assertThat(answer.status()).as(answer.body()).isEqualTo(status);
      assertThat(answer.headers()).containsEntry("content-type", "application/json");
      assertThat(answer.body()).startsWith("{\"error\":\"").contains(sentence);
      if (ends) {
        assertThat(answer.headers()).containsEntry("connection", "close");
        assertThat(client.ended()).isTrue();
      } else {
        assertThat(client.get("/next").answer().body()).isEqualTo("GET /next ");
      }
    }
  }

  @Test
  void answersInTheOrderOfTheRequests() throws Exception {
    try (RawClient client = client()) {
      client.get("/slow").post("/b", "{}").get("/c").get("/d?");
      assertThat(client.answer().body()).isEqualTo("GET /slow ");
      assertThat(client.answer().body()).isEqualTo("POST /b {}");
      assertThat(client.answer().body()).isEqualTo("GET /c ");
      assertThat(client.answer().body()).isEqualTo("GET /d ");
    }
    assertThat(front.answers(2)).isEqualTo(4);
  }

  @Test
  void manyRequestsMayBeSentAhead() throws Exception {
    int many = 1000;
    try (RawClient client = client()) {
      Thread sending =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  for (int i = 0; i < many; i++) {
                    if (i % 3 == 0) {
                      client.send("DELETE /%d HTTP/1.1\r\nHost: x\r\n\r\n".formatted(i));
                    } else {
                      client.post("/" + i, "{}");
                    }
                  }
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      for (int i = 0; i < many; i++) {
        RawClient.Answer answer = client.answer();
        if (i % 3 == 0) {
          assertThat(answer.status()).isEqualTo(405);
        } else {
          assertThat(answer.body()).isEqualTo("POST /%d {}".formatted(i));
        }
      }
      sending.join();
    }
  }

  @Test
  void everyAnswerHasTheHeadersThatKeepBrowsersInCheck() throws Exception {
    for (String path : new String[] {"/a", "/a?b", "*"}) {
      RawClient.Answer answer = ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
      assertThat(answer.headers())
          .containsEntry("x-content-type-options", "nosniff")
          .containsEntry("cache-control", "no-store")
          .containsKey("date")
          .doesNotContainKeys("server", "access-control-allow-origin");
    }
  }

  @Test
  void aHeadIsAGetWithoutTheBody() throws Exception {
    try (RawClient client = client()) {
      RawClient.Answer answer = client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n").answer(false);
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.headers()).containsEntry("content-length", "7");
      assertThat(client.get("/b").answer().body()).isEqualTo("GET /b ");
    }
  }

  @Test
  void chunksMakeABody() throws Exception {
    String head =
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n";
    assertThat(ask(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").body()).isEqualTo("POST /a abcde");
  }

  @Test
  void oldClientsAreAnsweredAndTheirConnectionsEnd() throws Exception {
    try (RawClient client = client()) {
      assertThat(client.send("GET /a HTTP/1.0\r\n\r\n").answer().body()).isEqualTo("GET /a ");
      assertThat(client.ended()).isTrue();
    }
  }

  @Test
  void whatIsNotUnderstoodIsRefusedAndTheConnectionKept() throws Exception {
    isRefused("DELETE /a HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET, HEAD and POST", false);
    assertThat(ask("PUT /a HTTP/1.1\r\nHost: x\r\n\r\n").headers())
        .containsEntry("allow", "GET, HEAD, POST");
  }

  @Test
  void bodiesAreJson() throws Exception {
    String head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n";
    isRefused(head + "\r\n{}", 415, "curl add -H 'Content-Type: application/json'", true);
    isRefused(head + "Content-Type: text/plain\r\n\r\n{}", 415, "application/json", true);
    isRefused(
        head + "Content-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n{}",
        415,
        "Content-Encoding",
        true);
    isRefused(
        head + "Inference-Header-Content-Length: 2\r\n\r\n{}",
        415,
        "the binary data extension is not supported; send all as JSON",
        true);
    String bodiless = "POST /a HTTP/1.1\r\nHost: x\r\n";
    isRefused(bodiless + "\r\n", 415, "a POST must be JSON", false);
    isRefused(bodiless + "Content-Length: 0\r\n\r\n", 415, "a POST must be JSON", false);
    assertThat(ask(bodiless + "Content-Type: application/json\r\n\r\n").body())
        .isEqualTo("POST /a ");
  }

  @ParameterizedTest
  @CsvSource({
    "/a, /a",
    "/a?, /a",
    "//a/b, //a/b",
    "http://x/a, /a",
    "HTTP://x:80/a?, /a",
    "https://[::1]:8/a/b, /a/b",
    "http://x, /",
    "http://x?, /"
  })
  void targetsArePathsOrWholeAddresses(String target, String path) throws Exception {
    assertThat(ask("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n").body())
        .isEqualTo("GET " + path + " ");
  }

  @Test
  void answersToItsOwnNameOnly() throws Exception {
    front.close();
    front =
        HttpFront.open(
            "127.0.0.1", 0, LIMITS, null, Set.of("localhost", "127.0.0.1", "[::1]"), service);
    for (String host : List.of("localhost", "LOCALHOST:80", "127.0.0.1:7", "[::1]", "[::1]:9")) {
      assertThat(ask("GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status())
          .as(host)
          .isEqualTo(200);
    }
    for (String host : List.of("x", "localhost.evil.org", "evil.org:8080", "[::2]:1", "")) {
      RawClient.Answer answer = ask("GET /a HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
      assertThat(answer.status()).as(host).isEqualTo(421);
      assertThat(answer.body()).contains("called localhost").contains("--token-file");
    }
    String own = "GET http://localhost:7/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assertThat(ask(own).status()).isEqualTo(200);
    assertThat(ask(own.replace("//localhost", "//evil.org")).status()).isEqualTo(421);
    assertThat(ask(own.replace("Host: localhost", "Host: evil.org")).status()).isEqualTo(421);
  }

  @Test
  void continueIsSaidUnlessTheBodyIsRefused() throws Exception {
    String head =
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Expect: 100-continue\r\n";
    try (RawClient client = client()) {
      assertThat(client.send(head + "Content-Length: 2\r\n\r\n").answer().status()).isEqualTo(100);
      assertThat(client.send("{}").answer().body()).isEqualTo("POST /a {}");
    }
    isRefused(head + "Content-Length: 10001\r\n\r\n", 413, "10000 bytes", true);
    isRefused(
        head.replace("100-continue", "more") + "Content-Length: 2\r\n\r\n", 417, "100-", true);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET / HTTP/9\r\nHost: x\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTPS/1.1\r\nHost: x\r\n\r\n",
        "GET /\r\nHost: x\r\n\r\n",
        "/\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/#a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://me@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc",
        "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\0\1\2\3x\r\n\r\n",
        "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003\n\n", // a TLS client's hello
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      })
  void malformedRequestsAreRefusedAndTheConnectionEnds(String request) throws Exception {
    isRefused(request, 400, "", true);
    assertThat(front.answers(4)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"x\r\n", "-1\r\n", "80000000\r\n", "3\r\nabcd\r\n", "1\nab\n", "\r\n", "1;\0\r\n"})
  void malformedChunksAreRefused(String chunk) throws Exception {
    String head =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n";
    isRefused(head + "1\r\na\r\n" + chunk + "0\r\n\r\n", 400, "chunked", true);
    isRefused(head.replace("json", "xml") + chunk, 415, "JSON", true);
    assertThat(front.bodyBytesInFlight()).isZero();
  }

  /** Netty would take the first bytes of the second request for the first one's body. */
  @Test
  void anOldWebSocketIsRefusedAndSwallowsNothing() throws Exception {
    String head = "GET /a HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key1: 1\r\n";
    String next = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    isRefused(head + "sec-websocket-key2: 2\r\n\r\n" + next, 400, "WebSockets", true);
    try (RawClient client = client()) {
      client.send(head + "\r\n" + next);
      assertThat(client.answer().body()).isEqualTo("GET /a ");
      assertThat(client.answer().body()).isEqualTo("GET /b ");
    }
  }

  @Test
  void headsAreLimited() throws Exception {
    String path = "/a".repeat(600);
    isRefused("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "1000 bytes", true);
    String header = "A: " + "b".repeat(1000) + "\r\n";
    isRefused("GET / HTTP/1.1\r\nHost: x\r\n" + header + "\r\n", 431, "1000 bytes", true);
    String headers = "A: b\r\n".repeat(300);
    isRefused("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n", 431, "1000 bytes", true);
  }

  @Test
  void aFailureOfTheServiceIsInTheLogAndClientsGetItsNumberOnly() throws Exception {
    Logger logger = Logger.getLogger(Computing.class.getName());
    List<LogRecord> log = new CopyOnWriteArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            log.add(line);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
    try (RawClient client = client()) {
      RawClient.Answer answer = client.get("/fail/%0a\u001b[1m").answer();
      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.body())
          .matches("\\{\"error\":\"internal error; see the server's log \\(id [0-9a-f]{8}\\)\"}");
      String id = answer.body().replaceAll(".*\\(id (.*)\\).*", "$1");
      assertThat(log).hasSize(1);
      assertThat(log.getFirst().getMessage()).contains(id).contains("GET /fail/%0a?[1m");
      assertThat(log.getFirst().getThrown()).hasMessage("secret of the server");
      assertThat(client.get("/next").answer().status()).isEqualTo(200);
    } finally {
      logger.removeHandler(handler);
      logger.setUseParentHandlers(true);
    }
    assertThat(front.answers(5)).isEqualTo(1);
  }

  @Test
  void aTokenIsAskedForWhereThePathIsNotPublic() throws Exception {
    front.close();
    front = HttpFront.open("127.0.0.1", 0, LIMITS, "s3cretß", null, service);
    isRefused("GET /a HTTP/1.1\r\nHost: x\r\n\r\n".replace("/a", "/live?x"), 400, "query", true);
    assertThat(ask("GET /live HTTP/1.1\r\nHost: x\r\n\r\n").status()).isEqualTo(200);
    String head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n";
    for (String wrong :
        new String[] {"", "Authorization: Bearer s3cret\r\n", "Authorization: Basic czpz\r\n"}) {
      RawClient.Answer answer = ask(head + wrong + "\r\n"); // before the body is read
      assertThat(answer.status()).isEqualTo(401);
      assertThat(answer.headers()).containsEntry("www-authenticate", "Bearer");
      assertThat(answer.body()).contains("Authorization: Bearer TOKEN").doesNotContain("s3cret");
    }
    String right = "Authorization: bearer s3cret\u00c3\u009f\r\n"; // in UTF-8
    assertThat(ask("GET /a HTTP/1.1\r\nHost: x\r\n" + right + "\r\n").status()).isEqualTo(200);
    assertThat(ask("GET /a HTTP/1.1\r\nHost: x\r\n" + right + right + "\r\n").status())
        .isEqualTo(401);
  }

  @Test
  void whereItCannotListenItSaysSo() {
    String port = "--port " + front.port();
    assertThatThrownBy(() -> HttpFront.open("127.0.0.1", front.port(), LIMITS, null, null, service))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(port)
        .hasMessageContaining("in use");
    assertThatThrownBy(() -> HttpFront.open("no.such.host.invalid", 0, LIMITS, null, null, service))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--host no.such.host.invalid: no such host");
    assertThatThrownBy(() -> HttpFront.open(" ", 0, LIMITS, null, null, service))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--host: is empty");
    assertThatThrownBy(() -> HttpFront.open("192.0.2.1", 0, LIMITS, null, null, service))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--host 192.0.2.1");
  }
}
