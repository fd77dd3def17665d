package dev.offramp.runtime.serve.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Clients that are slow, many, endless or gone; and those beside them, who notice nothing. */
class HttpAbuseTest {
  private static final Duration SHORT = Duration.ofMillis(150);
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final String POST =
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  private static final String CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n";

  /** Only the time that is tested is short, so that a machine under load fails no test. */
  private enum Time {
    HEAD,
    BODY,
    IDLE,
    SPARE,
    TAKE,
    NONE
  }

  private final EchoService service = new EchoService();
  private HttpFront front;

  @BeforeEach
  void open() {
    open(500, Time.NONE);
  }

  private void open(int connections, Time tested) {
    if (front != null) {
      front.close();
    }
    HttpLimits limits =
        new HttpLimits(
            connections,
            1000,
            10_000,
            15_000,
            tested == Time.HEAD ? SHORT : LONG,
            tested == Time.BODY ? SHORT : LONG,
            tested == Time.IDLE ? SHORT : LONG,
            tested == Time.SPARE ? SHORT : LONG,
            tested == Time.TAKE ? SHORT : LONG);
    front = HttpFront.open("127.0.0.1", 0, limits, null, null, service);
  }

  @AfterEach
  void close() {
    service.gate.release(1000);
    front.close();
  }

  private RawClient client() throws IOException {
    return new RawClient(front.port());
  }

  private static void until(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("it did not come about").isLessThan(end);
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Sends a byte now and then until the server has had enough. */
  private void trickles(RawClient client, String bytes) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    try {
      while (client.socket.getInputStream().available() == 0) {
        assertThat(System.nanoTime()).as("no end comes").isLessThan(end);
        client.send(bytes);
        Thread.sleep(20);
      }
    } catch (SocketException e) {
      throw new IllegalStateException("reset before the answer", e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    RawClient.Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(408);
    assertThat(answer.headers()).containsEntry("connection", "close");
    assertThat(client.ended()).isTrue();
  }

  @Test
  void aHeadThatTricklesIsEnded() throws Exception {
    open(500, Time.HEAD);
    try (RawClient first = client();
        RawClient silent = client()) {
      trickles(first.send("GET / HTTP/1.1\r\nHost: x\r\n"), "A: b\r\n");
      assertThat(silent.ended()).isTrue();
    }
    try (RawClient further = client()) {
      assertThat(further.get("/a").answer().status()).isEqualTo(200);
      trickles(further.send("GET "), "/");
    }
    until(() -> front.connections() == 0);
  }

  @Test
  void aBodyThatTricklesIsEnded() throws Exception {
    open(500, Time.BODY);
    try (RawClient announced = client();
        RawClient chunked = client()) {
      trickles(announced.send(POST + "Content-Length: 9999\r\n\r\n"), "x");
      trickles(chunked.send(CHUNKED), "1\r\nx\r\n");
    }
    assertThat(front.bodyBytesInFlight()).isZero();
  }

  @Test
  void anIdleConnectionIsEndedAndABusyOneIsNot() throws Exception {
    open(500, Time.IDLE);
    try (RawClient idle = client();
        RawClient busy = client()) {
      busy.get("/wait");
      assertThat(idle.get("/a").answer().status()).isEqualTo(200);
      assertThat(idle.ended()).isTrue();
      service.gate.release();
      assertThat(busy.answer().body()).isEqualTo("GET /wait ");
    }
  }

  @Test
  void theConnectionThatWasIdleLongestMakesRoom() throws Exception {
    open(3, Time.SPARE);
    try (RawClient first = client();
        RawClient second = client();
        RawClient busy = client()) {
      busy.get("/wait");
      assertThat(first.get("/a").answer().status()).isEqualTo(200);
      Thread.sleep(5); // A clock may be coarse.
      assertThat(second.get("/a").answer().status()).isEqualTo(200);
      Thread.sleep(SHORT.multipliedBy(2));
      try (RawClient late = client()) {
        assertThat(late.get("/b").answer().body()).isEqualTo("GET /b ");
        assertThat(first.ended()).isTrue();
        assertThat(second.get("/c").answer().body()).isEqualTo("GET /c ");
      }
      service.gate.release();
      assertThat(busy.answer().body()).isEqualTo("GET /wait ");
    }
    assertThat(front.connectionsRefused()).isZero();
  }

  @Test
  void aClientThatDoesNotTakeItsAnswerIsEnded() throws Exception {
    open(500, Time.TAKE);
    try (RawClient client = client()) {
      client.get("/large");
      until(() -> front.answers(2) == 1);
      until(() -> front.connections() == 0);
      assertThat(client.answer().body().length()).isLessThan(EchoService.LARGE);
    }
  }

  @Test
  void aGigabyteAnnouncedIsRefusedUnread() throws Exception {
    try (RawClient client = client()) {
      RawClient.Answer answer = client.send(POST + "Content-Length: 1000000000\r\n\r\n").answer();
      assertThat(answer.status()).isEqualTo(413);
      assertThat(answer.body()).contains("10000 bytes").contains("fewer inputs");
      assertThat(client.ended()).isTrue();
    }
  }

  @Test
  void aGigabyteThatReallyComesIsCutShort() throws Exception {
    byte[] chunk = new byte[1 << 20];
    byte[] head = "100000\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    int sent = 0;
    try (RawClient client = client()) {
      OutputStream out = client.send(CHUNKED).socket.getOutputStream();
      try {
        for (; sent < 1024; sent++) {
          out.write(head);
          out.write(chunk);
          out.write('\r');
          out.write('\n');
        }
      } catch (SocketException e) {
        // As it should.
      }
    }
    assertThat(sent).as("MiB sent").isLessThan(64);
    try (RawClient client = client()) {
      client.send(CHUNKED + "4000\r\n" + "x".repeat(0x4000) + "\r\n");
      assertThat(client.answer().status()).isEqualTo(413);
    }
    assertThat(front.bodyBytesInFlight()).isZero();
  }

  @Test
  void allBodiesTogetherAreLimited() throws Exception {
    String body = "x".repeat(9000);
    try (RawClient first = client();
        RawClient second = client();
        RawClient third = client()) {
      first.post("/wait", body);
      until(() -> front.callsUnderWay() == 1);
      RawClient.Answer answer = second.post("/a", body).answer();
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.headers()).containsEntry("retry-after", "1");
      service.gate.release();
      assertThat(first.answer().status()).isEqualTo(200);
      assertThat(third.post("/a", body).answer().status()).isEqualTo(200);
    }
    until(() -> front.bodyBytesInFlight() == 0);
  }

  @Test
  void theServiceHearsWhenAClientIsGone() throws Exception {
    try (RawClient client = client()) {
      client.post("/wait", "{}");
      until(() -> front.callsUnderWay() == 1);
    }
    assertThat(service.gone.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(service.goneOn.isVirtual()).isTrue();
    until(() -> front.clientsGone() == 1);
    until(() -> front.connections() == 0);
  }

  @Test
  void aResetIsNoticedToo() throws Exception {
    RawClient client = client();
    client.get("/wait");
    until(() -> front.callsUnderWay() == 1);
    client.socket.setSoLinger(true, 0);
    client.close();
    assertThat(service.gone.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void oneThatEndsItsSideCountsAsGone() throws Exception {
    try (RawClient client = client();
        RawClient midway = client()) {
      client.get("/wait");
      until(() -> front.callsUnderWay() == 1);
      client.socket.shutdownOutput();
      assertThat(service.gone.await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(client.ended()).isTrue();
      midway.send(POST + "Content-Length: 10\r\n\r\nabc").socket.shutdownOutput();
      assertThat(midway.ended()).isTrue();
    }
    until(() -> front.bodyBytesInFlight() == 0);
    assertThat(front.clientsGone()).isEqualTo(1);
  }

  @Test
  void tooManyConnectionsAreToldSoAndTheOthersGoOn() throws Exception {
    int cap = 500;
    int crowd = 2000;
    open(cap, Time.NONE);
    List<RawClient> clients = new ArrayList<>();
    AtomicInteger answered = new AtomicInteger();
    try (RawClient good = client()) {
      assertThat(good.get("/a").answer().status()).isEqualTo(200);
      Thread going =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  while (answered.get() < 1_000_000 && !Thread.interrupted()) {
                    good.get("/a").answer();
                    answered.incrementAndGet();
                    Thread.sleep(2);
                  }
                } catch (InterruptedException e) {
                  // Enough.
                } catch (IOException e) {
                  answered.set(Integer.MIN_VALUE);
                }
              });
      for (int i = 0; i < crowd; i++) {
        clients.add(client());
      }
      until(() -> front.connectionsRefused() == crowd - (cap - 1));
      assertThat(front.connections()).isEqualTo(cap);
      int before = answered.get();
      until(() -> answered.get() > before + 10);
      // The latest comers are heard, however many before them say nothing.
      RawClient.Answer health = clients.get(crowd - 1).get("/live").answer();
      assertThat(health.status()).isEqualTo(200);
      assertThat(health.headers()).containsEntry("connection", "close");
      RawClient.Answer answer = clients.get(crowd - 2).get("/a").answer();
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.headers())
          .containsEntry("retry-after", "1")
          .containsEntry("connection", "close");
      assertThat(answer.body())
          .isEqualTo("{\"error\":\"too many connections; try again in a moment\"}");
      for (RawClient client : clients.subList(cap, crowd)) {
        client.close();
      }
      assertThat(clients.getFirst().get("/b").answer().body()).isEqualTo("GET /b ");
      going.interrupt();
      going.join();
      assertThat(answered.get()).isPositive();
    } finally {
      for (RawClient client : clients) {
        client.close();
      }
    }
    until(() -> front.connections() == 0);
    try (RawClient late = client()) {
      assertThat(late.get("/c").answer().body()).isEqualTo("GET /c ");
    }
  }

  @Test
  void drainingAnswersWhatWasAsked() throws Exception {
    int users = 20;
    AtomicInteger asked = new AtomicInteger();
    AtomicInteger answered = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int u = 0; u < users; u++) {
      threads.add(
          Thread.ofVirtual()
              .start(() -> {
                try (RawClient client = client()) {
                  boolean more = true;
                  while (more) {
                    asked.incrementAndGet();
                    client.post("/slow", "{}");
                    RawClient.Answer answer = client.answer();
                    answered.incrementAndGet();
                    more = !answer.headers().containsKey("connection");
                  }
                  assertThat(client.ended()).isTrue();
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              }));
    }
    try (RawClient idle = client();
        RawClient pipelining = client()) {
      assertThat(idle.get("/a").answer().status()).isEqualTo(200);
      until(() -> answered.get() >= 2 * users);
      pipelining.get("/slow").get("/slow").get("/b");
      until(() -> front.callsUnderWay() > 0);
      assertThat(pipelining.answer().body()).isEqualTo("GET /slow "); // so the rest has come, too
      long start = System.nanoTime();
      assertThat(front.drain(Duration.ofSeconds(20))).isTrue();
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(10));
      assertThat(idle.ended()).isTrue();
      assertThat(pipelining.answer().body()).isEqualTo("GET /slow ");
      RawClient.Answer last = pipelining.answer();
      assertThat(last.body()).isEqualTo("GET /b ");
      assertThat(last.headers()).containsEntry("connection", "close");
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(answered.get()).isEqualTo(asked.get());
    assertThatThrownBy(this::client).isInstanceOf(IOException.class);
    until(() -> front.connections() == 0);
  }

  @Test
  void closingLeavesNoThread() throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get("/a").answer().status()).isEqualTo(200);
      client.get("/wait");
      until(() -> front.callsUnderWay() == 1);
      Set<Thread> ours = threads();
      assertThat(ours).isNotEmpty();
      front.close();
    }
    until(() -> front.callsUnderWay() == 0);
    until(() -> threads().isEmpty());
  }

  private static Set<Thread> threads() {
    Set<Thread> threads = new HashSet<>(Thread.getAllStackTraces().keySet());
    threads.removeIf(thread -> !thread.getName().matches(".*vert\\.?x.*"));
    return threads;
  }

  @Test
  void drainingHasPatienceForSoLong() throws Exception {
    try (RawClient client = client()) {
      client.get("/wait");
      until(() -> front.callsUnderWay() == 1);
      assertThat(front.drain(Duration.ofMillis(100))).isFalse();
      assertThat(client.ended()).isTrue();
      assertThat(service.gone.await(20, TimeUnit.SECONDS)).isTrue();
    }
    front.close(); // interrupts the call
    until(() -> front.callsUnderWay() == 0);
  }
}
