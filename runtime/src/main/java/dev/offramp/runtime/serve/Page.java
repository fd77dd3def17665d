package dev.offramp.runtime.serve;

import dev.offramp.runtime.serve.http.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;

/** The status page: one file without anything from elsewhere, which its headers hold it to. */
record Page(byte[] html) {
  private static final String FILE = "page.html";
  private static final String POLICY =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src"
          + " 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  static Page read() {
    try (InputStream in = Page.class.getResourceAsStream(FILE)) {
      return new Page(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(FILE, e);
    }
  }

  Reply reply() {
    return new Reply(
        200, "text/html; charset=utf-8", html, Map.of("Content-Security-Policy", POLICY));
  }
}
