package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Requests with images, while others are being decoded. */
class InferenceTest extends OnTinyModel {
  private final AtomicInteger runs = new AtomicInteger();

  /** The only thread that decodes. */
  private final ThreadPoolExecutor decoder =
      new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()) {
        @Override
        protected void beforeExecute(Thread thread, Runnable task) {
          if (!((Future<?>) task).isCancelled()) { // else it is not run
            runs.incrementAndGet();
          }
        }
      };

  private static InferLimits limits(Duration deadline) {
    return new InferLimits(8, 1, 10_000, 10_000, deadline, deadline);
  }

  /** A request with what is no picture: who decodes it answers 400. */
  private static Call call(String parameters) {
    String body =
        "{\"parameters\":{%s},\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"AAAA\"]}]}"
            .formatted(parameters);
    return new Call("POST", "/v2/models/images/infer", body.getBytes(StandardCharsets.UTF_8));
  }

  private ServedModel images() {
    TinyImageModel.write(
        folder.resolve("images"), 1, TinyImageModel.FOUR_BLOCKS, TinyImageModel.exits(2, 4));
    ServedModel model =
        new ServedModel("images", folder.resolve("images"), Serving.byHand(), Serving.NO_AUDIT);
    model.load();
    return model;
  }

  @Test
  void whoWaitsTooLongForADecoderIsToldSoAndNotDecoded() throws Exception {
    CountDownLatch busy = new CountDownLatch(1);
    try (ServedModel model = images();
        Inference inference =
            new Inference(new Metrics(List.of(model)), limits(Duration.ofMillis(50)), decoder)) {
      Future<?> other =
          decoder.submit(() -> {
            busy.await();
            return null;
          });
      for (int i = 0; i < 3; i++) {
        Reply reply = inference.answer(model, call(""));
        assertThat(reply.status()).isEqualTo(504);
        assertThat(new String(reply.body(), StandardCharsets.UTF_8))
            .contains("$.parameters.timeout");
      }
      busy.countDown();
      other.get();
      decoder.shutdown();
      assertThat(decoder.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
      assertThat(runs).as("the one before them").hasValue(1);
    } finally {
      busy.countDown();
    }
  }

  @Test
  void whoseTimeIsUpWhenItIsReadIsNotDecoded() throws Exception {
    try (ServedModel model = images();
        Inference inference =
            new Inference(new Metrics(List.of(model)), limits(Duration.ofMinutes(1)), decoder)) {
      assertThat(inference.answer(model, call("\"timeout\":1")).status()).isEqualTo(504);
      assertThat(inference.answer(model, call("")).status()).isEqualTo(400);
      assertThat(runs).hasValue(2);
    }
  }

  @Test
  void noMorePicturesAreDecodedAtOnceThanTheHeapHolds() {
    int pixels = 16 << 20;
    assertThat(Inference.decoders(1, 4L << 30, pixels)).isEqualTo(1);
    assertThat(Inference.decoders(8, 4L << 30, pixels)).isEqualTo(7);
    assertThat(Inference.decoders(64, 4L << 30, pixels)).isEqualTo(10);
    assertThat(Inference.decoders(8, 512L << 20, pixels)).isEqualTo(1);
    assertThat(Inference.decoders(8, 64L << 20, pixels)).isEqualTo(1);
  }
}
