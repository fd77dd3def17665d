package dev.offramp.runtime.serve.http;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;

/** Answers with what it was asked; some paths do other things. */
final class EchoService implements Service {
  static final int LARGE = 40 << 20;

  final Semaphore gate = new Semaphore(0);
  final CountDownLatch gone = new CountDownLatch(1);
  volatile Thread goneOn;

  @Override
  public Reply answer(Call call) throws InterruptedException {
    if (call.path().startsWith("/fail")) {
      throw new IllegalStateException("secret of the server");
    }
    switch (call.path()) {
      case "/wait" -> {
        call.onGone(() -> {
          goneOn = Thread.currentThread();
          gone.countDown();
        });
        gate.acquire();
      }
      case "/slow" -> Thread.sleep(70);
      case "/large" -> {
        return Reply.json(200, new byte[LARGE]);
      }
      default -> {}
    }
    String text =
        "%s %s %s"
            .formatted(call.method(), call.path(), new String(call.body(), StandardCharsets.UTF_8));
    return new Reply(200, "text/plain", text.getBytes(StandardCharsets.UTF_8), Map.of());
  }

  @Override
  public boolean isPublic(String path) {
    return path.equals("/live");
  }
}
