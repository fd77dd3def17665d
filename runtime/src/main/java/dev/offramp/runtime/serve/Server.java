package dev.offramp.runtime.serve;

import dev.offramp.models.InputException;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.engine.Scope;
import dev.offramp.runtime.serve.http.HttpFront;
import dev.offramp.runtime.serve.http.HttpLimits;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Models behind HTTP: opened, loaded, drained, closed, in this order. It speaks the Open Inference
 * Protocol, version 2.
 */
public final class Server implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Server.class.getName());

  private final List<ServedModel> models;
  private final Router router;
  private final HttpFront front;
  private final Options options;
  private volatile long answersToItself;

  /**
   * Where and for whom a server is, and how it runs its models.
   *
   * @param host name or address to listen on
   * @param port 0 for any that is free
   * @param token that clients must show, or null
   * @param version of Offramp
   * @param warmUp time for HTTP, and again for JSON, to be compiled before the server is ready
   */
  public record Options(
      String host,
      int port,
      String token,
      String version,
      HttpLimits http,
      InferLimits infer,
      EngineOptions engine,
      AuditOptions audit,
      Duration warmUp) {
    /** Whether only this machine can reach it. */
    public boolean loopback() {
      try {
        return InetAddress.getByName(host).isLoopbackAddress();
      } catch (UnknownHostException e) {
        return false; // Listening will fail, and say so.
      }
    }
  }

  /**
   * Opens the port: the server is live, and ready once {@link #load} has returned.
   *
   * @param models directories by the names that they are served under
   * @throws InputException if a name is not fit for a path, or the port cannot be had
   */
  public static Server open(Map<String, Path> models, Options options) {
    models.keySet().forEach(Server::checkName);
    return new Server(
        models.entrySet().stream()
            .map(m -> new ServedModel(m.getKey(), m.getValue(), options.engine(), options.audit()))
            .toList(),
        options);
  }

  private static void checkName(String name) {
    if (!Router.NAME.matcher(name).matches()) {
      throw InputException.in(
          null,
          "--model",
          "'%s' is no name for a model: take letters, digits, '.', '_' and '-' (--model NAME=DIR)"
              .formatted(name));
    }
  }

  private Server(List<ServedModel> models, Options options) {
    this.models = models;
    this.options = options;
    Metrics metrics = new Metrics(models);
    boolean loopback = options.loopback();
    boolean asksForToken = options.token() != null;
    router =
        new Router(models, metrics, options.infer(), options.version(), asksForToken || loopback);
    front =
        HttpFront.open(
            options.host(),
            options.port(),
            options.http(),
            options.token(),
            asksForToken || !loopback ? null : names(options.host()),
            router);
    metrics.watch(front);
    router.watch(front::connections);
  }

  /** What this machine calls itself. */
  private static Set<String> names(String host) {
    String own = host.toLowerCase(Locale.ROOT);
    return new HashSet<>(
        List.of("localhost", "127.0.0.1", "[::1]", own.contains(":") ? "[" + own + "]" : own));
  }

  /** The port that it listens on. */
  public int port() {
    return front.port();
  }

  /**
   * Loads all models and warms up.
   *
   * @throws RuntimeException what {@link dev.offramp.runtime.Engine#open} throws
   */
  public void load() {
    models.forEach(ServedModel::load);
    long held = models.stream().mapToLong(ServedModel::heapBytes).sum();
    heapWarning(held, Runtime.getRuntime().maxMemory())
        .ifPresent(sentence -> LOG.log(System.Logger.Level.WARNING, sentence));
    if (options.warmUp().isPositive()) {
      answersToItself = SelfTalk.run(options.host(), port(), options.token(), options.warmUp());
    }
    router.warmUp(options.warmUp().dividedBy(Math.max(1, models.size())));
  }

  /**
   * Where what stays fills the part of the heap for what stays, about two thirds, the collector
   * runs all the time, and all is slow for no reason that anybody sees.
   */
  static Optional<String> heapWarning(long held, long heap) {
    return held > heap / 10 * 6
        ? Optional.of(
            "the models take %d MB of a Java heap of %d MB: too little is left for requests; make it larger (OFFRAMP_JAVA_OPTS=-Xmx…)"
                .formatted(held >> 20, heap >> 20))
        : Optional.empty();
  }

  /**
   * Takes no more connections and answers those that came.
   *
   * @return whether all were answered within that time
   */
  public boolean drain(Duration patience) throws InterruptedException {
    router.drain();
    boolean all = front.drain(patience);
    // The JVM's logging may have shut down already.
    JsonLog.line(
        "drained: %s requests were answered; %d answers were OK in all"
            .formatted(all ? "all" : "not all", front.answers(2) - answersToItself));
    return all;
  }

  @Override
  public void close() {
    try (Scope all = new Scope()) {
      models.forEach(all::add);
      all.add(router);
      all.add(front); // is closed first
    }
  }
}
