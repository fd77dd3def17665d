package dev.offramp.runtime.serve.http;

import java.util.concurrent.ThreadLocalRandom;

/** A call on its way through the service, on a virtual thread. */
record Computing(Call call, Thread thread) {
  private static final System.Logger LOG = System.getLogger(Computing.class.getName());

  /**
   * @param work is to call {@link #answer}
   */
  static Computing of(Call call, Runnable work) {
    return new Computing(call, Thread.ofVirtual().name("http-call").unstarted(work));
  }

  /** The service's answer, or what a client is told when it has none. */
  static Reply answer(Service service, Call call) {
    try {
      return service.answer(call);
    } catch (InterruptedException e) {
      return Reply.error(503, "the server is stopping; try again in a moment");
    } catch (Throwable e) {
      String id = "%08x".formatted(ThreadLocalRandom.current().nextInt());
      // The path is the client's own text: what it may contain was not looked at.
      String path = call.path().replaceAll("[^!-~]", "?");
      LOG.log(
          System.Logger.Level.ERROR,
          "internal error %s at %s %s".formatted(id, call.method(), path),
          e);
      return Reply.error(500, "internal error; see the server's log (id %s)".formatted(id));
    }
  }

  void gone() {
    call.gone();
  }
}
