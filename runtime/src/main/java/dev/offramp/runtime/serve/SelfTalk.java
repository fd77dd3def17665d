package dev.offramp.runtime.serve;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A client in the server's own process, which asks small questions as fast as they are answered:
 * the first clients from outside then meet compiled code.
 */
final class SelfTalk {
  private static final String LENGTH = "content-length: ";

  private SelfTalk() {}

  /**
   * Asks for that long.
   *
   * @param host that the server listens on
   * @param token that it asks for, or null
   * @return number of answers
   */
  static int run(String host, int port, String token, Duration time) {
    byte[] question =
        ("POST /v2/repository/index HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                + (token == null ? "" : "\r\nAuthorization: Bearer " + token)
                + "\r\nContent-Length: 2\r\n\r\n{}")
            .getBytes(StandardCharsets.US_ASCII);
    int answers = 0;
    long end = System.nanoTime() + time.toNanos();
    try (Socket socket = new Socket(reachable(host), port);
        DataInputStream in =
            new DataInputStream(new BufferedInputStream(socket.getInputStream()))) {
      socket.setTcpNoDelay(true);
      while (System.nanoTime() - end < 0) {
        socket.getOutputStream().write(question);
        skipAnswer(in);
        answers++;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the server does not answer itself", e);
    }
    return answers;
  }

  private static InetAddress reachable(String host) throws IOException {
    InetAddress address = InetAddress.getByName(host);
    return address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address;
  }

  private static void skipAnswer(DataInputStream in) throws IOException {
    int length = 0;
    String line = line(in);
    while (!line.isEmpty()) {
      if (line.regionMatches(true, 0, LENGTH, 0, LENGTH.length())) {
        length = Integer.parseInt(line.substring(LENGTH.length()));
      }
      line = line(in);
    }
    in.readFully(new byte[length]);
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
