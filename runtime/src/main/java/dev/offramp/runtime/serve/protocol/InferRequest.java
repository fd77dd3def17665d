package dev.offramp.runtime.serve.protocol;

import static java.util.Objects.requireNonNull;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.DeadlineException;
import dev.offramp.runtime.Request;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;

/**
 * What an inference request asks for.
 *
 * @param id to be told in the answer, or null
 * @param requests one for each input, in their order, with the deadline, depth and probabilities
 *     that were asked for; images are decoded and in the model's size already
 * @param outputs what to tell of each, in this order; at least one, each once
 */
public record InferRequest(String id, List<Request> requests, List<Output> outputs) {
  public InferRequest {
    requests = List.copyOf(requests);
    outputs = List.copyOf(outputs);
  }

  /**
   * Reads the body of a request in strict JSON. Takes memory for what it returns, texts or 4 bytes
   * for each pixel or token of the model's inputs; for up to ten times the body while it reads; and
   * for one decoded picture at a time.
   *
   * <p>Pictures take long. To end that early, interrupt the thread: it stops before the next one.
   *
   * @param config of the model that is asked; it has exits
   * @throws BadRequestException naming the place in the document and what to do about it
   * @throws CancellationException if the thread is interrupted while it reads pictures; it still is
   *     afterwards
   */
  public static InferRequest parse(byte[] body, ModelConfig config, InferLimits limits) {
    return parse(body, config, limits, timeout -> false);
  }

  /**
   * As {@link #parse(byte[], ModelConfig, InferLimits)}, unless nobody has a use for the answer any
   * more.
   *
   * @param late whether a request with that timeout is late by now; asked before each picture
   * @throws DeadlineException if it is late before the last of its pictures
   */
  public static InferRequest parse(
      byte[] body, ModelConfig config, InferLimits limits, Predicate<Duration> late) {
    requireNonNull(config, "config is null");
    requireNonNull(limits, "limits is null");
    requireNonNull(late, "late is null");
    return new InferReader(config, limits, late).read(requireNonNull(body, "body is null"));
  }
}
