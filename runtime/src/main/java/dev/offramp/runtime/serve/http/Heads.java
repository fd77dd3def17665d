package dev.offramp.runtime.serve.http;

import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Looks at the head of a request, before its body is read.
 *
 * @param token that must come with paths which are not public, or null
 * @param hosts names in small letters by which the server may be called, or null for any
 */
record Heads(HttpLimits limits, String token, Set<String> hosts, Service service) {
  private static final String BEARER = "Bearer ";
  private static final String JSON = "application/json";

  /** Clients for Triton send it unless told otherwise, and then no Content-Type. */
  private static final String BINARY = "Inference-Header-Content-Length";

  /** What is to be answered instead of reading on, or null if the request is fine so far. */
  Reply refusal(HttpServerRequest request) {
    Target target = Target.of(request.uri());
    MultiMap headers = request.headers();
    // The decoder takes such a request for a WebSocket's, and the eight bytes after it for a body,
    // be they the next request: what a front saw as two requests would be others here.
    if (headers.contains("Sec-WebSocket-Key1") && headers.contains("Sec-WebSocket-Key2")) {
      return Reply.error(400, "there are no WebSockets here; send it without Sec-WebSocket-Key1");
    }
    if (target == null) {
      return Reply.error(400, "the request's target is not a path; send one such as /v2");
    }
    if (target.path().indexOf('?') >= 0) {
      return Reply.error(400, "no query is understood here; send the path without what follows ?");
    }
    List<String> named = headers.getAll(HttpHeaders.HOST);
    if (named.size() > 1 || (named.isEmpty() && request.version() == HttpVersion.HTTP_1_1)) {
      return Reply.error(400, "there must be one Host header");
    }
    // A web page whose name was made to mean this machine could otherwise read what is served here.
    if (hosts != null && !hosts.containsAll(names(target, named))) {
      return Reply.error(
          421,
          "this server is called localhost; ask it by that name, or start it with --token-file");
    }
    if (token != null && !isPublic(request) && !authorized(headers)) {
      return Reply.error(401, "this server asks for a token; send Authorization: Bearer TOKEN")
          .with("WWW-Authenticate", "Bearer");
    }
    if (!isRead(request) && request.method() != HttpMethod.POST) {
      return Reply.error(405, "GET, HEAD and POST are all that is understood here")
          .with("Allow", "GET, HEAD, POST");
    }
    Reply ofBody = hasBody(request) ? refusalOfBody(request, headers) : null;
    if (ofBody == null && !isRead(request) && !isJson(headers.get(HttpHeaders.CONTENT_TYPE))) {
      // A web page can make a browser send a form, plain text or nothing to any address, this one
      // included. For JSON the browser asks first, and gets no leave: no CORS headers are ever
      // sent.
      return Reply.error(
          415, "a POST must be JSON; with curl add -H 'Content-Type: application/json'");
    }
    return ofBody;
  }

  /** Whether anybody may ask for it, at any time. */
  boolean isPublic(HttpServerRequest request) {
    return service.isPublic(path(request));
  }

  /** By what names the server is called: by its address, and by the header, of which it is one. */
  private static List<String> names(Target target, List<String> header) {
    return Stream.concat(Stream.ofNullable(target.authority()), header.stream())
        .map(Heads::withoutPort)
        .toList();
  }

  private static String withoutPort(String host) {
    int colon = host.lastIndexOf(':');
    String name = colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
    return name.toLowerCase(Locale.ROOT);
  }

  private Reply refusalOfBody(HttpServerRequest request, MultiMap headers) {
    String encoding = headers.get(HttpHeaders.TRANSFER_ENCODING);
    if (encoding != null
        && (headers.getAll(HttpHeaders.TRANSFER_ENCODING).size() > 1
            || !encoding.equalsIgnoreCase("chunked"))) {
      return Reply.error(400, "chunked is the only Transfer-Encoding understood here");
    }
    if (isRead(request)) {
      return Reply.error(400, "a GET has no body here; send it without");
    }
    String expect = headers.get(HttpHeaders.EXPECT);
    if (expect != null && !expect.equalsIgnoreCase("100-continue")) {
      return Reply.error(417, "100-continue is the only expectation understood here");
    }
    String length = headers.get(HttpHeaders.CONTENT_LENGTH);
    if (length != null && Long.parseLong(length) > limits.bodyBytes()) {
      return tooLarge();
    }
    if (headers.contains(BINARY)) {
      return Reply.error(
          415,
          "the binary data extension is not supported; send all as JSON, without %s"
              .formatted(BINARY));
    }
    if (headers.contains(HttpHeaders.CONTENT_ENCODING)) {
      return Reply.error(415, "the body must come as it is, without a Content-Encoding");
    }
    return null;
  }

  /** For a body beyond the limit. */
  Reply tooLarge() {
    return Reply.error(
        413,
        "the body is larger than %d bytes; send fewer inputs a request"
            .formatted(limits.bodyBytes()));
  }

  /** For a head that the decoder gave up on. */
  Reply malformed(Throwable cause) {
    if (cause instanceof TooLongHttpLineException) {
      return Reply.error(
          414, "the request line is longer than %d bytes".formatted(limits.headBytes()));
    }
    if (cause instanceof TooLongHttpHeaderException) {
      return Reply.error(
          431, "the headers are longer than %d bytes in all".formatted(limits.headBytes()));
    }
    return Reply.error(400, "this is not a valid HTTP/1.1 request");
  }

  /** What is asked for; empty where that is no path, which is refused. */
  static String path(HttpServerRequest request) {
    Target target = Target.of(request.uri());
    return target == null ? "" : target.path();
  }

  /** Whether it is a GET, or the HEAD that is answered as one. */
  static boolean isRead(HttpServerRequest request) {
    return request.method() == HttpMethod.GET || request.method() == HttpMethod.HEAD;
  }

  static boolean hasBody(HttpServerRequest request) {
    String length = request.headers().get(HttpHeaders.CONTENT_LENGTH);
    return request.headers().contains(HttpHeaders.TRANSFER_ENCODING)
        || (length != null && Long.parseLong(length) > 0);
  }

  /** Whether the client waits for leave to send its body. */
  static boolean expectsContinue(HttpServerRequest request) {
    return request.headers().contains(HttpHeaders.EXPECT)
        && request.version() == HttpVersion.HTTP_1_1 // before, nobody knew of it
        && hasBody(request);
  }

  private static boolean isJson(String contentType) {
    if (contentType == null) {
      return false;
    }
    int parameters = contentType.indexOf(';');
    String type = parameters < 0 ? contentType : contentType.substring(0, parameters);
    return type.strip().toLowerCase(Locale.ROOT).equals(JSON);
  }

  private boolean authorized(MultiMap headers) {
    List<String> all = headers.getAll(HttpHeaders.AUTHORIZATION);
    if (all.size() != 1 || !all.getFirst().regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return false;
    }
    String sent = all.getFirst().substring(BEARER.length()).strip();
    // Takes as long whichever byte is the first that differs. The decoder makes a char of each
    // byte.
    return MessageDigest.isEqual(
        sent.getBytes(StandardCharsets.ISO_8859_1), token.getBytes(StandardCharsets.UTF_8));
  }
}
