package dev.offramp.runtime.serve.http;

import java.util.Map;

/** Headers that every answer has. */
final class Headers {
  static final Map<String, String> DEFAULTS =
      Map.of("X-Content-Type-Options", "nosniff", "Cache-Control", "no-store");

  private Headers() {}
}
