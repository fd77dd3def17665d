package dev.offramp.runtime.bench;

/** A peer failed, or computes something else; the message is one sentence for the user. */
public final class PeerException extends RuntimeException {
  PeerException(String message) {
    super(message);
  }

  PeerException(String message, Throwable cause) {
    super(message, cause);
  }
}
