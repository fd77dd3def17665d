package dev.offramp.runtime.serve.http;

import java.util.ArrayList;
import java.util.List;

/** A request, read to its end. */
public final class Call {
  private final String method;
  private final String path;
  private final byte[] body;
  private List<Runnable> onGone = new ArrayList<>(); // null once the client is gone

  /**
   * @param method GET or POST; a HEAD comes as a GET, and its reply's body is not sent
   * @param path starts with a slash; raw, still percent-encoded, without a query
   * @param body empty if there is none; not copied
   */
  public Call(String method, String path, byte[] body) {
    this.method = method;
    this.path = path;
    this.body = body;
  }

  public String method() {
    return method;
  }

  public String path() {
    return path;
  }

  public byte[] body() {
    return body;
  }

  /**
   * Has something run when the client is gone before its answer: on a virtual thread, or at once if
   * it is gone already. A client is gone when its connection is reset or closed, be it only for
   * sending, for TCP shows no difference. One that has many pipelined requests waiting may go
   * unseen.
   */
  public void onGone(Runnable action) {
    synchronized (this) {
      if (onGone != null) {
        onGone.add(action);
        return;
      }
    }
    action.run();
  }

  /** Tells the service that the client is gone. The second time it does nothing. */
  public void gone() {
    List<Runnable> actions;
    synchronized (this) {
      actions = onGone;
      onGone = null;
    }
    if (actions != null && !actions.isEmpty()) {
      Thread.ofVirtual().name("http-gone").start(() -> actions.forEach(Runnable::run));
    }
  }
}
