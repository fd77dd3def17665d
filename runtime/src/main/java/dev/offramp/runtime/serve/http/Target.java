package dev.offramp.runtime.serve.http;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a request line asks for, as RFC 9112, 3.2, has it: a path, or the whole address as it is
 * sent to proxies, which servers must understand too.
 *
 * @param authority host and port of a whole address; null where a path was sent
 * @param path beginning with a slash; with what follows a question mark, if anything does
 */
record Target(String authority, String path) {
  private static final Pattern ADDRESS =
      Pattern.compile("https?://([^/?#@]+)([/?][^#]*)?", Pattern.CASE_INSENSITIVE);

  /** Null if it is neither. */
  static Target of(String uri) {
    if (uri.startsWith("/") && uri.indexOf('#') < 0) {
      return new Target(null, withoutEmptyQuery(uri));
    }
    Matcher address = ADDRESS.matcher(uri);
    if (!address.matches()) {
      return null;
    }
    String path = address.group(2) == null ? "" : address.group(2);
    return new Target(
        address.group(1), withoutEmptyQuery(path.startsWith("/") ? path : "/" + path));
  }

  private static String withoutEmptyQuery(String path) {
    return path.endsWith("?") ? path.substring(0, path.length() - 1) : path;
  }
}
