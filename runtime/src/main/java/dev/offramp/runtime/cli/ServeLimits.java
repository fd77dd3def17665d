package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.runtime.EngineOptions;
import dev.offramp.runtime.serve.http.HttpLimits;
import dev.offramp.runtime.serve.protocol.InferLimits;
import java.time.Duration;
import picocli.CommandLine.Option;

/** Options that bound what clients may take, and how requests are gathered. */
final class ServeLimits {
  private static final int MOST_DEADLINE_MILLIS = 3_600_000;
  private static final int MOST_QUEUE = 1 << 20;
  private static final int MOST_BODY_MB = 1024;
  private static final int MOST_CONNECTIONS = 1 << 20;
  private static final int MEGABYTE = 1 << 20;
  private static final int BODIES = 8;

  /** What is read from a body takes up to ten times its size. */
  private static final int HEAP_PARTS = 16;

  private static final int TEXT_CHARACTERS = 100_000;
  private static final int IMAGE_PIXELS = 16 << 20;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "samples that run together at most (default: ${DEFAULT-VALUE})")
  int batch;

  @Option(
      names = "--max-wait",
      paramLabel = "MS",
      defaultValue = "0",
      description =
          "milliseconds that a sample waits at a stage for others; on processors 0 is best"
              + " (default: ${DEFAULT-VALUE})")
  double maxWaitMillis;

  @Option(
      names = "--queue",
      paramLabel = "N",
      defaultValue = "1024",
      description =
          "samples that may wait; who comes beyond is told 503 (default: ${DEFAULT-VALUE})")
  int queue;

  @Option(
      names = "--deadline",
      paramLabel = "MS",
      defaultValue = "30000",
      description = {
        "milliseconds after which an answer is of no use any more, and the longest timeout that a"
            + " request may ask for (default: ${DEFAULT-VALUE})"
      })
  int deadlineMillis;

  @Option(
      names = "--max-batch",
      paramLabel = "N",
      defaultValue = "256",
      description = "inputs of a request (default: ${DEFAULT-VALUE})")
  int inputs;

  @Option(
      names = "--max-body",
      paramLabel = "MB",
      defaultValue = "16",
      description =
          "size of a request; of all under way "
              + BODIES
              + " times that, or a 16th of the heap if that is less (default: ${DEFAULT-VALUE})")
  int bodyMegabytes;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      defaultValue = "512",
      description = "open connections; further ones are told 503 (default: ${DEFAULT-VALUE})")
  int connections;

  HttpLimits http() {
    Range.check("--max-body", bodyMegabytes, 1, MOST_BODY_MB);
    Range.check("--max-connections", connections, 1, MOST_CONNECTIONS);
    HttpLimits usual = HttpLimits.defaults();
    int body = bodyMegabytes * MEGABYTE;
    long heap = Runtime.getRuntime().maxMemory();
    long share = heap / HEAP_PARTS;
    if (body > share) {
      throw InputException.in(
          null,
          "--max-body " + bodyMegabytes,
          "is more than a %dth of the Java heap of %d MB; make it smaller, or the heap larger (OFFRAMP_JAVA_OPTS=-Xmx…)"
              .formatted(HEAP_PARTS, heap / MEGABYTE));
    }
    return new HttpLimits(
        connections,
        usual.headBytes(),
        body,
        Math.min((long) BODIES * body, share),
        usual.headTime(),
        usual.bodyTime(),
        usual.idle(),
        usual.spare(),
        usual.takeTime());
  }

  InferLimits infer() {
    Range.check("--deadline", deadlineMillis, 1, MOST_DEADLINE_MILLIS);
    Range.check("--max-batch", inputs, 1, MOST_QUEUE);
    Duration deadline = Duration.ofMillis(deadlineMillis);
    return new InferLimits(
        inputs, TEXT_CHARACTERS, bodyMegabytes * MEGABYTE, IMAGE_PIXELS, deadline, deadline);
  }

  EngineOptions engine(DeviceOption device, EngineOptions.Policy policy) {
    Range.check("--queue", queue, 1, MOST_QUEUE);
    if (queue < inputs) {
      throw InputException.in(
          null,
          "--queue " + queue,
          "must hold a request of --max-batch %d inputs; make one larger or the other smaller"
              .formatted(inputs));
    }
    Range.checkMaxWait(maxWaitMillis);
    return EngineOptions.latency()
        .onDevice(device.id)
        .withPrecision(device.precision)
        .withThreads(device.workers())
        .withBatch(BatchOption.check(batch))
        .withMaxWait(Duration.ofNanos((long) (1e6 * maxWaitMillis)))
        .withQueue(queue)
        .withPolicy(policy);
  }
}
