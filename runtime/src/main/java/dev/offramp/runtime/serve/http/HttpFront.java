package dev.offramp.runtime.serve.http;

import dev.offramp.models.InputException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * Serves HTTP/1.1: one thread reads and writes for all connections, and each request that is
 * complete is answered on a virtual thread of its own. What is malformed, too large or too slow is
 * refused before the service hears of it.
 *
 * <p>Requests of a connection are answered in their order. A client that ends its side of the
 * connection before its answer has come counts as gone, and gets none: TCP does not tell it from
 * one that has closed.
 */
public final class HttpFront implements AutoCloseable {
  private static final Duration SWEEP = Duration.ofMillis(250);
  private static final Duration PATIENCE_AT_CLOSE = Duration.ofSeconds(10);
  private static final int BACKLOG = 1024;
  private static final int CHUNK_BYTES = 64 << 10;
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US);

  private final HttpLimits limits;
  private final Heads heads;
  private final Service service;
  private final Vertx vertx;
  private final HttpServer server;
  private final Context context;
  private final Map<HttpConnection, Connection> connections = new HashMap<>(); // of the event loop
  private final Map<HttpConnection, Connection> extra =
      new LinkedHashMap<>(); // of the event loop, the one that came first at its head
  private final Set<Computing> computing = ConcurrentHashMap.newKeySet();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicLong bodyBytes = new AtomicLong();
  private final LongAdder refused = new LongAdder();
  private final LongAdder gone = new LongAdder();
  private final LongAdder[] answers = new LongAdder[6]; // by the first digit of the status
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean draining;
  private String date; // of the event loop

  /**
   * Opens the port and serves from then on.
   *
   * @param host name or address to listen at
   * @param port 0 for any that is free
   * @param token that is asked for where the path is not public, or null
   * @param hosts names in small letters by which the server may be called, or null for any
   * @throws InputException if it cannot listen there
   */
  public static HttpFront open(
      String host, int port, HttpLimits limits, String token, Set<String> hosts, Service service) {
    if (token != null && token.isBlank()) {
      throw new IllegalArgumentException("token is empty");
    }
    if (host.isBlank()) { // Java takes it for loopback, others for all addresses.
      throw InputException.in(null, "--host", "is empty; give an address of this machine");
    }
    InetAddress address;
    try {
      address = InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw InputException.in(
          null, "--host " + host, "no such host; give an address of this machine");
    }
    HttpFront front = new HttpFront(limits, token, hosts, service);
    try {
      front.listen(new InetSocketAddress(address, port));
    } catch (IOException e) {
      front.close();
      throw InputException.in(
          null,
          "--host %s --port %d".formatted(host, port),
          "cannot listen there (%s); give another port, or an address of this machine"
              .formatted(e.getMessage()));
    } catch (RuntimeException e) {
      front.close();
      throw e;
    }
    return front;
  }

  private HttpFront(HttpLimits limits, String token, Set<String> hosts, Service service) {
    this.limits = limits;
    this.heads = new Heads(limits, token, hosts, service);
    this.service = service;
    for (int i = 0; i < answers.length; i++) {
      answers[i] = new LongAdder();
    }
    date = now();
    vertx =
        Vertx.vertx(
            new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setFileCachingEnabled(false)
                        .setClassPathResolvingEnabled(false)));
    context = vertx.getOrCreateContext();
    server =
        vertx
            .createHttpServer(
                new HttpServerOptions()
                    .setHttp2ClearTextEnabled(false)
                    .setCompressionSupported(false)
                    .setDecompressionSupported(false)
                    .setPerFrameWebSocketCompressionSupported(false)
                    .setPerMessageWebSocketCompressionSupported(false)
                    .setAcceptBacklog(BACKLOG)
                    .setMaxInitialLineLength(limits.headBytes())
                    .setMaxHeaderSize(limits.headBytes())
                    .setMaxChunkSize(CHUNK_BYTES))
            .connectionHandler(this::connected)
            .requestHandler(this::begin)
            .invalidRequestHandler(this::beginFaulty);
  }

  private void listen(InetSocketAddress address) throws IOException {
    Duration shortest =
        List.of(limits.headTime(), limits.bodyTime(), limits.idle(), limits.takeTime(), SWEEP)
            .stream()
            .min(Duration::compareTo)
            .orElseThrow();
    vertx.setPeriodic(Math.clamp(shortest.toMillis() / 4, 1, SWEEP.toMillis()), id -> sweep());
    Future<HttpServer> listening =
        Future.future(promise ->
            context.runOnContext(nothing ->
                server.listen(SocketAddress.inetSocketAddress(address)).onComplete(promise)));
    try {
      listening.toCompletionStage().toCompletableFuture().get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw new IllegalStateException("cannot listen", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the port was opened", e);
    }
  }

  /** The port it listens at. */
  public int port() {
    return server.actualPort();
  }

  /**
   * Takes no more connections, answers what was sent already and ends the connections, telling
   * clients so with the last answer. Returns when the last one is closed, or when the patience is
   * over, and then they are closed all the same.
   *
   * @return whether nobody was left without an answer
   */
  public boolean drain(Duration patience) throws InterruptedException {
    draining = true;
    Future<Void> closed = server.shutdown(Math.max(1, patience.toMillis()), TimeUnit.MILLISECONDS);
    try {
      closed
          .toCompletionStage()
          .toCompletableFuture()
          .get(patience.plus(PATIENCE_AT_CLOSE).toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return false;
    }
    return computing.isEmpty();
  }

  /**
   * Closes all connections, interrupts the calls that are still under way, and ends the threads.
   */
  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      return;
    }
    draining = true;
    computing.forEach(one -> one.thread().interrupt());
    context.runOnContext(nothing -> {
      connections.values().forEach(Connection::close);
      extra.values().forEach(Connection::close);
    });
    try {
      vertx
          .close()
          .toCompletionStage()
          .toCompletableFuture()
          .get(PATIENCE_AT_CLOSE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the HTTP server cannot be closed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Connections open now. */
  public int connections() {
    return open.get();
  }

  /** Connections beyond the limit: of these only public paths are answered. */
  public long connectionsRefused() {
    return refused.sum();
  }

  /** Calls that the service is computing now. */
  public int callsUnderWay() {
    return computing.size();
  }

  /** Clients that went before their answer came. */
  public long clientsGone() {
    return gone.sum();
  }

  /** Bytes of bodies that are read, or being read, and not answered. */
  public long bodyBytesInFlight() {
    return bodyBytes.get();
  }

  /**
   * Answers so far whose status begins with a digit.
   *
   * @param digit 1 to 5
   */
  public long answers(int digit) {
    return answers[digit].sum();
  }

  // What connections ask for, on the event loop.

  HttpLimits limits() {
    return limits;
  }

  Heads heads() {
    return heads;
  }

  boolean draining() {
    return draining;
  }

  String date() {
    return date;
  }

  void count(int status) {
    answers[status / 100].increment();
  }

  /** Takes room for bytes of a body, unless there is none. */
  boolean reserve(int bytes) {
    if (bodyBytes.get() + bytes > limits.bodyBytesInFlight()) {
      return false;
    }
    bodyBytes.addAndGet(bytes);
    return true;
  }

  void release(int bytes) {
    bodyBytes.addAndGet(-bytes);
  }

  /**
   * Has the service answer.
   *
   * @param reserved bytes that are released afterwards
   * @param done called on the event loop
   */
  Computing compute(Call call, int reserved, Consumer<Reply> done) {
    Computing[] self = new Computing[1];
    self[0] =
        Computing.of(
            call,
            () -> {
              Reply reply = Computing.answer(service, call);
              release(reserved);
              computing.remove(self[0]);
              try {
                context.runOnContext(nothing -> done.accept(reply));
              } catch (RejectedExecutionException closed) {
                // Nobody is left to be answered.
              }
            });
    computing.add(self[0]);
    self[0].thread().start();
    return self[0];
  }

  private void connected(HttpConnection connection) {
    boolean room = connections.size() < limits.connections() || endIdle();
    Connection ours = new Connection(this, connection, !room);
    Map<HttpConnection, Connection> all = room ? connections : extra;
    connection.closeHandler(nothing -> {
      all.remove(connection);
      open.set(connections.size());
      if (ours.closed()) {
        gone.increment();
      }
    });
    if (!room) {
      refused.increment();
      if (extra.size() >= limits.connections() && !endSilent()) {
        ours.close(); // there is no time for a word
        return;
      }
    }
    all.put(connection, ours);
    open.set(connections.size());
  }

  /** Ends the connection that has been idle for longest, if one can be spared. */
  private boolean endIdle() {
    return end(
        connections.values().stream()
            .max(Comparator.comparingLong(Connection::idleNanos))
            .filter(longest -> longest.idleNanos() >= limits.spare().toNanos()));
  }

  /**
   * Ends the connection beyond the limit that has been there for longest and has sent nothing, if
   * there is one: a crowd that says nothing must not keep away who asks for health.
   */
  private boolean endSilent() {
    return end(extra.values().stream().filter(Connection::isSilent).findFirst());
  }

  private static boolean end(Optional<Connection> spare) {
    spare.ifPresent(Connection::close);
    return spare.isPresent();
  }

  private Connection of(HttpServerRequest request) {
    Connection known = connections.get(request.connection());
    return known == null ? extra.get(request.connection()) : known;
  }

  private void begin(HttpServerRequest request) {
    Connection connection = of(request);
    if (connection != null) {
      connection.begin(request);
    }
  }

  private void beginFaulty(HttpServerRequest request) {
    Connection connection = of(request);
    if (connection != null) {
      connection.beginFaulty(request);
    }
  }

  private void sweep() {
    date = now();
    long now = System.nanoTime();
    List.copyOf(connections.values()).forEach(connection -> connection.checkDeadline(now));
    List.copyOf(extra.values()).forEach(connection -> connection.checkDeadline(now));
  }

  private static String now() {
    return DATE.format(ZonedDateTime.now(ZoneOffset.UTC));
  }
}
