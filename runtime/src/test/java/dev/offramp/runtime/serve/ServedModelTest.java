package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.runtime.Audited;
import dev.offramp.runtime.Engine;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.FaultyDevice;
import dev.offramp.runtime.serve.AuditOptions.OnAlarm;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
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

  @Test
  void aModelIsLoadedAnewThoughTheFormerDoesNotClose() throws Exception {
    Queue<Engine> engines = new ArrayDeque<>();
    try (ServedModel model = model(engines::remove)) {
      engines.add(FaultyDevice.failsToClose(directory, OPTIONS));
      model.load();
      Engine next = open();
      engines.add(next);
      assertThat(model.load()).isTrue();
      assertThat(model.failure()).isNull();
      assertThat(model.current().engine()).isSameAs(next);
      assertThat(model.state()).isEqualTo(ServedModel.State.READY);
    }
  }

  @Test
  void anAuditEndsThoughItsEngineDoesNotClose() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    CountDownLatch waits = new CountDownLatch(1);
    CompletableFuture<Audited> never =
        new CompletableFuture<>() {
          @Override
          public Audited get() throws InterruptedException, ExecutionException {
            waits.countDown();
            try {
              return super.get();
            } catch (InterruptedException e) {
              interrupted.countDown();
              throw e;
            }
          }
        };
    Engine engine = FaultyDevice.failsToClose(directory, OPTIONS);
    Audit audit = Audit.of("tiny", engine, new AuditOptions(1, 0.01, OnAlarm.REPORT)).orElseThrow();
    audit.follow(never);
    waits.await();
    ServedModel.Loaded loaded = new ServedModel.Loaded(engine, Optional.of(audit), "1", null);
    assertThatThrownBy(loaded::close).isInstanceOf(DeviceException.class);
    assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
  }
}
