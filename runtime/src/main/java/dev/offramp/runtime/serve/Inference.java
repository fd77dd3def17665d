package dev.offramp.runtime.serve;

import com.google.gson.JsonObject;
import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.DeadlineException;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.protocol.BadRequestException;
import dev.offramp.runtime.serve.protocol.InferLimits;
import dev.offramp.runtime.serve.protocol.InferRequest;
import dev.offramp.runtime.serve.protocol.InferResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Infer requests: from JSON to the engine and back. */
final class Inference implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Inference.class.getName());

  /** Nobody reads it: the client is gone. The number that others use for it, too. */
  private static final int CLIENT_GONE = 499;

  private static final String RETRY_AFTER_SECONDS = "1";

  /** Decoding a picture takes so many bytes of heap for each of its pixels; 7 to 11 were seen. */
  private static final long PIXEL_BYTES = 12;

  private final Metrics metrics;
  private final InferLimits limits;
  private final ExecutorService decoders;

  Inference(Metrics metrics, InferLimits limits) {
    this(
        metrics,
        limits,
        Executors.newFixedThreadPool(
            decoders(
                Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().maxMemory(),
                limits.imagePixels()),
            Thread.ofPlatform().name("offramp-decoder-", 0).daemon().factory()));
  }

  /**
   * @param decoders read requests with images; shut down when this is closed
   */
  Inference(Metrics metrics, InferLimits limits, ExecutorService decoders) {
    this.metrics = metrics;
    this.limits = limits;
    this.decoders = decoders;
  }

  /**
   * How many pictures are decoded at a time: one processor is left to others, and half of the heap
   * suffices for the largest pictures.
   */
  static int decoders(int processors, long heapBytes, int imagePixels) {
    long fit = heapBytes / 2 / (PIXEL_BYTES * imagePixels);
    return (int) Math.max(1, Math.min(processors - 1, fit));
  }

  /** Reads a request and writes its answer for that long, at least once. */
  void warmUp(ServedModel model, Duration time) {
    ModelConfig config = model.current().engine().config();
    byte[] body = sample(config).getBytes(StandardCharsets.UTF_8);
    Result result = new Result(0, config.labels().getFirst(), 1, 0, null);
    long end = System.nanoTime() + time.toNanos();
    do {
      InferRequest request = InferRequest.parse(body, config, limits);
      reply(model, model.current(), request, List.of(result));
    } while (System.nanoTime() - end < 0);
  }

  private static String sample(ModelConfig config) {
    String input =
        config.takesTexts()
            ? "'name':'text','datatype':'BYTES','shape':[1],'data':['a text of some words']"
            : "'name':'pixels','datatype':'UINT8','shape':[1,%d,%d,%d],'data':[%s]"
                .formatted(
                    config.resnet().image().height(),
                    config.resnet().image().width(),
                    config.resnet().image().channels(),
                    "0,".repeat(numbers(config) - 1) + "0");
    return "{'id':'0','inputs':[{%s}],'outputs':[{'name':'label'},{'name':'exit'}]}"
        .formatted(input)
        .replace('\'', '"');
  }

  private static int numbers(ModelConfig config) {
    var image = config.resnet().image();
    return image.height() * image.width() * image.channels();
  }

  Reply answer(ServedModel model, Call call) throws InterruptedException {
    long start = System.nanoTime();
    int status = 500;
    try {
      Reply reply = computed(model, call, start);
      status = reply.status();
      return reply;
    } finally {
      metrics.answered(model, status, System.nanoTime() - start);
    }
  }

  private Reply computed(ServedModel model, Call call, long start) throws InterruptedException {
    while (true) {
      ServedModel.Loaded now = model.current();
      if (now == null) {
        return notReady(model);
      }
      try {
        return computed(model, now, call, start);
      } catch (BadRequestException e) {
        return Reply.error(400, e.getMessage());
      } catch (CancellationException e) {
        return Reply.error(CLIENT_GONE, "the client is gone");
      } catch (ExecutionException e) {
        return failed(model, e.getCause());
      } catch (IllegalStateException e) {
        if (now.engine().isOpen()) {
          throw e;
        }
        if (model.current() == now) {
          return notReady(model);
        } // Else it was loaded anew meanwhile, and the new one is asked.
      }
    }
  }

  private Reply computed(ServedModel model, ServedModel.Loaded now, Call call, long start)
      throws InterruptedException, ExecutionException {
    InferRequest request = parse(call, now.engine().config(), start);
    Optional<List<Future<Result>>> futures =
        now.submit(request.requests().stream().map(one -> sooner(one, start)).toList());
    if (futures.isEmpty()) {
      model.reject();
      return full(model, request.requests().size());
    }
    call.onGone(() -> cancel(futures.get()));
    List<Result> results = new ArrayList<>(futures.get().size());
    try {
      for (Future<Result> future : futures.get()) {
        results.add(future.get());
      }
    } finally {
      cancel(futures.get()); // Does nothing to those that are done.
    }
    return reply(model, now, request, results);
  }

  /** The same with a deadline that counts from the request's arrival, which was at the start. */
  private static Request sooner(Request request, long start) {
    return request.within(Duration.ofNanos(Math.max(0, left(request.deadline(), start))));
  }

  /**
   * Images take long to decode: that is done on threads that nobody else waits for. Under overload
   * requests wait for these threads, too; those that are late by then would only take them from
   * others, and are not decoded.
   */
  private InferRequest parse(Call call, ModelConfig config, long start)
      throws InterruptedException, ExecutionException {
    if (config.takesTexts()) {
      return InferRequest.parse(call.body(), config, limits);
    }
    Future<InferRequest> parsed =
        decoders.submit(() ->
            InferRequest.parse(call.body(), config, limits, timeout -> left(timeout, start) <= 0));
    call.onGone(() -> parsed.cancel(true));
    try {
      // What time the request allows is known once it is read.
      return parsed.get(left(limits.longestDeadline(), start), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new ExecutionException(new DeadlineException()); // as if it had been decoded, and late
    } catch (ExecutionException e) {
      if (e.getCause() instanceof BadRequestException bad) {
        throw bad;
      }
      throw e;
    } finally {
      parsed.cancel(true); // Does nothing to one that is done.
    }
  }

  /** Nanoseconds that are left of a time that began at the start. */
  private static long left(Duration time, long start) {
    return time.toNanos() - (System.nanoTime() - start);
  }

  private static void cancel(List<Future<Result>> futures) {
    futures.forEach(future -> future.cancel(true));
  }

  private static Reply reply(
      ServedModel model, ServedModel.Loaded by, InferRequest request, List<Result> results) {
    if (results.stream().anyMatch(result -> !Float.isFinite(result.confidence()))) {
      LOG.log(
          System.Logger.Level.ERROR,
          "model {0} computed no number (NaN) for an input; check its weights",
          model.name());
      return Reply.error(500, "the model computed no number for one of the inputs");
    }
    JsonObject parameters = new JsonObject();
    if (by.certificate() != null) {
      parameters.addProperty("certificate", by.certificate());
    } else {
      parameters.addProperty("guarantee", "none");
    }
    if (by.engine().exitsStopped()) {
      parameters.addProperty("exits_stopped", true);
    }
    return Reply.json(
        200, InferResponse.write(model.name(), by.version(), request, results, parameters));
  }

  private static Reply full(ServedModel model, int inputs) {
    int capacity = model.queueCapacity();
    return inputs > capacity
        ? Reply.error(400, "a request of %d inputs: send at most %d".formatted(inputs, capacity))
        : Reply.error(503, "the queue is full; try again in a moment")
            .with("Retry-After", RETRY_AFTER_SECONDS);
  }

  static Reply notReady(ServedModel model) {
    return Reply.error(503, "model '%s' is not ready; try again later".formatted(model.name()))
        .with("Retry-After", RETRY_AFTER_SECONDS);
  }

  private static Reply failed(ServedModel model, Throwable cause) {
    return switch (cause) {
      case DeadlineException late ->
          Reply.error(
              504,
              "the answer did not come in time; allow more ($.parameters.timeout, or --deadline of"
                  + " the server where that is the limit)");
      default -> {
        LOG.log(System.Logger.Level.ERROR, "model " + model.name() + ": a request failed", cause);
        yield Reply.error(500, "the request failed on this server; see its log");
      }
    };
  }

  /** No more images are decoded. */
  @Override
  public void close() {
    decoders.shutdownNow();
  }
}
