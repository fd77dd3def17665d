package dev.offramp.runtime.serve;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A client in the server's own process, which asks small questions as fast as they are answered:
 * the first clients from outside then meet compiled code.
 */
final class SelfTalk {
  private static final System.Logger LOG = System.getLogger(SelfTalk.class.getName());
  private static final int CONNECT_MILLIS = 1_000;

  /**
   * Where other programs want the processors too, the first answer takes seconds: whoever gave up
   * on it would leave the server cold, and the answer would count as somebody else's.
   */
  private static final int ANSWER_MILLIS = 30_000;

  private static final String LENGTH = "content-length: ";

  private SelfTalk() {}

  /**
   * Asks for that long, or until the server has no time for it.
   *
   * @param host that the server listens on
   * @param token that it asks for, or null
   * @return number of answers with 200
   */
  static int run(String host, int port, String token, Duration time) {
    byte[] question =
        ("POST /v2/repository/index HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                + (token == null ? "" : "\r\nAuthorization: Bearer " + token)
                + "\r\nContent-Length: 2\r\n\r\n{}")
            .getBytes(StandardCharsets.US_ASCII);
    int answers = 0;
    long end = System.nanoTime() + time.toNanos();
    try (Socket socket = connected(host, port);
        DataInputStream in =
            new DataInputStream(new BufferedInputStream(socket.getInputStream()))) {
      socket.setTcpNoDelay(true);
      while (System.nanoTime() - end < 0) {
        socket.getOutputStream().write(question);
        answers += skipAnswer(in) ? 1 : 0;
      }
    } catch (IOException e) {
      // Clients who wait for the server may have taken all connections: it is warmed by them then.
      LOG.log(System.Logger.Level.DEBUG, "the server has no connection for itself", e);
    }
    return answers;
  }

  private static Socket connected(String host, int port) throws IOException {
    Socket socket = new Socket();
    socket.setSoTimeout(ANSWER_MILLIS);
    socket.connect(new InetSocketAddress(reachable(host), port), CONNECT_MILLIS);
    return socket;
  }

  private static InetAddress reachable(String host) throws IOException {
    InetAddress address = InetAddress.getByName(host);
    return address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address;
  }

  /** Whether it was 200. */
  private static boolean skipAnswer(DataInputStream in) throws IOException {
    int length = 0;
    String line = line(in);
    boolean ok = line.startsWith("HTTP/1.1 200");
    while (!line.isEmpty()) {
      if (line.regionMatches(true, 0, LENGTH, 0, LENGTH.length())) {
        length = Integer.parseInt(line.substring(LENGTH.length()));
      }
      line = line(in);
    }
    in.readFully(new byte[length]);
    return ok;
  }

  private static String line(DataInputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.readUnsignedByte(); c != '\n'; c = in.readUnsignedByte()) {
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }
}
