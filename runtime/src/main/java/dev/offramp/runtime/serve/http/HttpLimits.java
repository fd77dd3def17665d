package dev.offramp.runtime.serve.http;

import java.time.Duration;

/**
 * What one client may take, so that the others have theirs.
 *
 * @param connections open at once; further ones are told 503 and closed, but for public paths
 * @param headBytes of a request line, and of all header lines of a request; else 414 or 431
 * @param bodyBytes of one body; else 413, before it is read where its length is announced
 * @param bodyBytesInFlight of all bodies that are read and not yet answered; else 503
 * @param headTime from the connection, or the first byte of a further request, to the end of the
 *     head; then 408
 * @param bodyTime from the end of the head to the end of the body, however the bytes come; then 408
 * @param idle between an answer and the next request; then the connection is closed
 * @param spare idle for that long, a connection makes room for another when all are open
 * @param takeTime in which a client takes an answer off the server; then the connection is closed
 */
public record HttpLimits(
    int connections,
    int headBytes,
    int bodyBytes,
    long bodyBytesInFlight,
    Duration headTime,
    Duration bodyTime,
    Duration idle,
    Duration spare,
    Duration takeTime) {

  public HttpLimits {
    if (connections < 1 || headBytes < 1 || bodyBytes < 1 || bodyBytesInFlight < bodyBytes) {
      throw new IllegalArgumentException(
          "limits are at least 1, and a single body fits into the bytes in flight");
    }
    for (Duration time : new Duration[] {headTime, bodyTime, idle, spare, takeTime}) {
      if (!time.isPositive()) {
        throw new IllegalArgumentException("times are above 0");
      }
    }
  }

  /**
   * 512 connections, 8 KiB heads, 16 MiB bodies, 128 MiB of them at once. Idle ones are kept longer
   * than proxies keep theirs, which is an hour at most: where the server is the first to close, a
   * request now and then meets a connection that is just being closed, and a client gets a 502.
   */
  public static HttpLimits defaults() {
    return new HttpLimits(
        512,
        8 << 10,
        16 << 20,
        128 << 20,
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        Duration.ofMinutes(65),
        Duration.ofSeconds(5),
        Duration.ofSeconds(30));
  }
}
