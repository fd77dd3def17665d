package dev.offramp.runtime.serve.http;

import io.vertx.core.buffer.Buffer;
import java.util.Arrays;

/** Gathers a body. Its memory follows the bytes that came, not the length that was announced. */
final class Body {
  private static final int LEAST = 1024;

  private byte[] bytes = {};
  private int length;

  int length() {
    return length;
  }

  void append(Buffer chunk) {
    int end = length + chunk.length();
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(LEAST, Math.max(end, 2 * length)));
    }
    chunk.getBytes(bytes, length);
    length = end;
  }

  /** All that came. May be called once. */
  byte[] take() {
    byte[] all = bytes.length == length ? bytes : Arrays.copyOf(bytes, length);
    bytes = null;
    return all;
  }
}
