package dev.offramp.runtime.serve.http;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;

/**
 * A connection: at any time it waits for one thing, and for all but the service only until a
 * deadline. Lives on the event loop.
 */
final class Connection implements Gate.Watch {
  /** What a client that was answered for good may go on sending, and for how long. */
  private static final long DISCARD_BYTES = 4 << 20;

  private static final Duration DISCARD_TIME = Duration.ofSeconds(1);

  /**
   * An idle connection stays open that long when the server drains. A request that is on its way
   * meanwhile is answered, and the client knows from the answer to send no more.
   */
  private static final Duration LAST_REQUESTS = Duration.ofMillis(250);

  private enum Waits {
    HEAD,
    BODY,
    SERVICE,
    TAKE,
    NEXT,
    END
  }

  private final HttpFront front;
  private final HttpLimits limits;
  private final Gate gate;
  private final boolean extra;
  private Waits waits;
  private long deadline; // of System.nanoTime
  private boolean anyBytes;
  private int headsCame;
  private int headsBegun;
  private HttpServerRequest request;
  private Body body;
  private Computing computing;
  private boolean closed;

  /**
   * @param extra whether it is beyond the limit: it is told so, but is there for one request of a
   *     public path. Who asks after a busy server's health is to hear that it is well.
   */
  Connection(HttpFront front, HttpConnection connection, boolean extra) {
    this.front = front;
    this.extra = extra;
    this.limits = front.limits();
    this.gate = new Gate(connection, this);
    if (front.draining()) {
      await(Waits.NEXT, LAST_REQUESTS); // was in the system's queue
    } else {
      await(Waits.HEAD, limits.headTime());
    }
  }

  private void await(Waits what, Duration time) {
    waits = what;
    deadline = System.nanoTime() + time.toNanos();
  }

  /**
   * How long it has been waiting for a further request, in nanoseconds; negative if it does not.
   */
  long idleNanos() {
    return waits == Waits.NEXT && !front.draining()
        ? System.nanoTime() - deadline + limits.idle().toNanos()
        : -1;
  }

  /** Whether nothing has come of it yet. */
  boolean isSilent() {
    return waits == Waits.HEAD && !anyBytes;
  }

  /** Closes the connection, whatever it waits for. */
  void close() {
    waits = Waits.END;
    gate.close();
  }

  /** Ends what took too long. */
  void checkDeadline(long now) {
    if (waits == Waits.SERVICE || now - deadline < 0) {
      return;
    }
    if (waits == Waits.HEAD && anyBytes) {
      refuse(Reply.error(408, "the head of the request took too long; send it at once"));
    } else if (waits == Waits.BODY) {
      answer(Reply.error(408, "the body took too long; send it at once"), true);
    } else {
      gate.close();
    }
  }

  @Override
  public void bytesCame() {
    anyBytes = true;
    if (waits == Waits.NEXT) {
      await(Waits.HEAD, limits.headTime());
    }
  }

  @Override
  public void headCame() {
    headsCame++;
  }

  @Override
  public void broken() {
    if (waits == Waits.BODY) {
      answer(Reply.error(400, "the body is not validly chunked"), true);
    } else if (waits != Waits.END) { // else the refusal is on its way
      gate.close();
    }
  }

  @Override
  public void floods() {
    gate.close();
  }

  @Override
  public void drain() {
    if (waits == Waits.NEXT || isSilent()) {
      await(Waits.NEXT, LAST_REQUESTS);
    }
  }

  /** A head has come, and all earlier requests are answered. */
  void begin(HttpServerRequest next) {
    Reply refusal = begun(next) ? front.heads().refusal(next) : null;
    if (waits == Waits.END) {
      return;
    }
    if (extra && !front.heads().isPublic(next)) {
      Reply full = Reply.error(503, "too many connections; try again in a moment");
      answer(full.with("Retry-After", "1"), true);
      return;
    }
    if (refusal != null) {
      answer(refusal, refusal.status() == 400 || Heads.hasBody(next));
      return;
    }
    body = new Body();
    next.handler(this::append);
    next.endHandler(nothing -> compute());
    if (Heads.expectsContinue(next)) {
      next.response().writeContinue();
    }
  }

  /** As {@link #begin}, for a head that is none. */
  void beginFaulty(HttpServerRequest next) {
    if (begun(next)) {
      Throwable cause = next.decoderResult().cause();
      gate.forgiveFault();
      answer(front.heads().malformed(cause), true);
    }
  }

  private boolean begun(HttpServerRequest next) {
    headsBegun++;
    if (waits == Waits.END) {
      return false;
    }
    request = next;
    await(Waits.BODY, limits.bodyTime());
    return true;
  }

  private void append(Buffer chunk) {
    if (waits != Waits.BODY) {
      return; // refused already
    }
    if (body.length() + chunk.length() > limits.bodyBytes()) {
      answer(front.heads().tooLarge(), true);
    } else if (!front.reserve(chunk.length())) {
      Reply busy = Reply.error(503, "the server has too much to read; try again in a moment");
      answer(busy.with("Retry-After", "1"), true);
    } else {
      body.append(chunk);
    }
  }

  private void compute() {
    if (waits != Waits.BODY) {
      return;
    }
    waits = Waits.SERVICE;
    String method = Heads.isRead(request) ? "GET" : "POST";
    int length = body.length();
    Call call = new Call(method, Heads.path(request), body.take());
    body = null;
    computing = front.compute(call, length, reply -> answer(reply, false));
  }

  /**
   * Sends an answer to the request at hand.
   *
   * @param last whether the connection is to be ended, for what follows is not, or cannot be, read
   */
  private void answer(Reply reply, boolean last) {
    if (closed) {
      return;
    }
    releaseBody();
    computing = null;
    boolean end = last || extra || (front.draining() && headsCame == headsBegun);
    HttpServerResponse response = request.response().setStatusCode(reply.status());
    Reply.DEFAULTS.forEach(response::putHeader);
    response.putHeader(HttpHeaders.DATE, front.date());
    response.putHeader(HttpHeaders.CONTENT_TYPE, reply.contentType());
    response.putHeader(HttpHeaders.CONTENT_LENGTH, Integer.toString(reply.body().length));
    reply.headers().forEach(response::putHeader);
    if (end) {
      response.putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    }
    front.count(reply.status());
    await(end ? Waits.END : Waits.TAKE, limits.takeTime());
    int number = headsBegun;
    // May begin the next request before it returns.
    Future<Void> taken = response.end(Buffer.buffer(reply.body()));
    taken.onComplete(outcome -> taken(number));
  }

  private void taken(int number) {
    if (closed) {
      return;
    }
    if (waits == Waits.END) {
      await(Waits.END, front.draining() ? LAST_REQUESTS : DISCARD_TIME);
      gate.endSending(DISCARD_BYTES);
    } else if (waits == Waits.TAKE && number == headsBegun) {
      await(Waits.NEXT, front.draining() ? LAST_REQUESTS : limits.idle());
    }
  }

  private void refuse(Reply reply) {
    front.count(reply.status());
    await(Waits.END, DISCARD_TIME);
    gate.refuse(reply, DISCARD_BYTES);
  }

  /**
   * The connection is closed.
   *
   * @return whether its client went without the answer it had asked for
   */
  boolean closed() {
    closed = true;
    releaseBody();
    if (computing == null) {
      return false;
    }
    computing.gone();
    return true;
  }

  private void releaseBody() {
    if (body != null) {
      front.release(body.length());
      body = null;
    }
  }
}
