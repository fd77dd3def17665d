package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** A model that is loaded, and loaded anew. */
class ServedModelTest extends OnTinyModel {
  private static final EngineOptions OPTIONS = Serving.byHand();

  private final AtomicReference<Thread> openedOn = new AtomicReference<>();

  private Engine open() {
    openedOn.set(Thread.currentThread());
    return Engine.open(directory, OPTIONS);
  }

  private static ServedModel model(Supplier<Engine> opener) {
    return new ServedModel("tiny", opener, OPTIONS.queue(), Serving.NO_AUDIT);
  }

  /** As the server has requests answered. */
  private static Reply askToLoad(ServedModel model) throws Exception {
    InferLimits limits =
        new InferLimits(1, 1, 1, 1, Duration.ofSeconds(30), Duration.ofSeconds(60));
    List<ServedModel> models = List.of(model);
    try (Router router = new Router(models, new Metrics(models), limits, "test", true)) {
      Call call = new Call("POST", "/v2/repository/models/tiny/load", new byte[0]);
      FutureTask<Reply> answer = new FutureTask<>(() -> router.answer(call));
      Thread.startVirtualThread(answer);
      return answer.get();
    }
  }

  @Test
  void aLoadThatIsAskedForTakesNoCarrierOfVirtualThreads() throws Exception {
    try (ServedModel model = model(this::open)) {
      model.load();
      openedOn.set(null);
      assertThat(askToLoad(model).status()).isEqualTo(200);
      assertThat(openedOn.get().isVirtual()).isFalse();
      assertThat(openedOn.get().isDaemon()).isTrue();
      assertThat(openedOn.get().getName()).isEqualTo("offramp-load-tiny");
    }
  }

  @Test
  void whatEndsALoadIsToldToWhoAskedForIt() throws Exception {
    AtomicReference<RuntimeException> failure = new AtomicReference<>();
    Supplier<Engine> opener =
        () -> {
          if (failure.get() != null) {
            throw failure.get();
          }
          return open();
        };
    try (ServedModel model = model(opener)) {
      model.load();
      failure.set(new IllegalStateException("the service is shutting down"));
      assertThat(askToLoad(model).status()).isEqualTo(503);
      failure.set(new UnsupportedOperationException("a fault"));
      assertThat(askToLoad(model).status()).isEqualTo(500);
      assertThat(model.failure()).isEqualTo("a fault");
      assertThat(model.state()).isEqualTo(ServedModel.State.READY);
    }
  }
}
