package dev.offramp.runtime.serve;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Sends requests when they are due, on one thread and over connections that are kept, one request
 * at a time on each. Takes little of the processors that the server needs, too.
 */
final class LoadClient implements AutoCloseable {
  private static final long NANOS_A_MILLI = 1_000_000;
  private static final long NAP_NANOS = 200_000;
  private static final int READ_BYTES = 64 << 10;

  /** What is sent and what becomes of it. */
  interface Exchange {
    /** The whole request, head and body. */
    ByteBuffer request(int number);

    void answered(int number, int status, String body);

    /** No connection was to be had. */
    void refused(int number);

    /** The connection ended before the answer did. */
    void lost(int number);

    /** Bytes came that were not asked for. */
    void unasked();

    /** Whether to send no more. */
    boolean enough();
  }

  private final class Connection {
    private final SocketChannel channel;
    private final SelectionKey key;
    private int request = NONE;
    private ByteBuffer unsent;
    private byte[] answer = new byte[4096];
    private int length;

    Connection(SocketChannel channel) throws IOException {
      this.channel = channel;
      this.key =
          channel.register(
              selector,
              channel.isConnected() ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT,
              this);
    }
  }

  private static final int NONE = -1;

  private final InetSocketAddress server;
  private final int mostConnections;
  private final Selector selector = Selector.open();
  private final ByteBuffer in = ByteBuffer.allocateDirect(READ_BYTES);
  private final Deque<Connection> free = new ArrayDeque<>();
  private final Set<Connection> all = new HashSet<>();
  private final Deque<Integer> waiting = new ArrayDeque<>(); // for a connection
  private Exchange exchange;
  private int underWay;

  LoadClient(InetSocketAddress server, int mostConnections) throws IOException {
    this.server = server;
    this.mostConnections = mostConnections;
  }

  /**
   * Sends requests and returns when all have ended, or when the patience after the last is over;
   * then what is left counts as lost.
   *
   * @param due of {@link System#nanoTime}, ascending
   * @return how many were due before there was enough
   */
  int run(long[] due, Exchange with, long patienceNanos) throws IOException {
    exchange = with;
    int next = 0;
    while (true) {
      long now = System.nanoTime();
      boolean sending = next < due.length && !exchange.enough();
      while (sending && next < due.length && due[next] - now <= 0) {
        waiting.add(next++);
      }
      send();
      if (!sending || next == due.length) {
        if (underWay == 0 && waiting.isEmpty()) {
          return next;
        }
        if (next == 0 || now - due[next - 1] > patienceNanos) {
          giveUp();
          return next;
        }
      }
      long wait = sending && next < due.length ? due[next] - System.nanoTime() : 10 * NANOS_A_MILLI;
      if (wait >= NANOS_A_MILLI) {
        selector.select(this::ready, wait / NANOS_A_MILLI);
      } else {
        selector.selectNow(this::ready);
        if (wait > 0) {
          LockSupport.parkNanos(Math.min(wait, NAP_NANOS));
        }
      }
    }
  }

  private void send() throws IOException {
    while (!waiting.isEmpty()) {
      Connection connection = free.poll(); // the one used last
      if (connection == null && all.size() >= mostConnections) {
        return;
      }
      int request = waiting.poll();
      if (connection == null) {
        try {
          connection = connect();
        } catch (ConnectException e) {
          exchange.refused(request);
          continue;
        }
      }
      underWay++;
      connection.request = request;
      connection.unsent = exchange.request(request);
      if (connection.channel.isConnected()) {
        write(connection);
      }
    }
  }

  /** Connected already, or about to be. */
  private Connection connect() throws IOException {
    SocketChannel channel = SocketChannel.open();
    channel.configureBlocking(false);
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.connect(server);
    Connection connection = new Connection(channel);
    all.add(connection);
    return connection;
  }

  private void ready(SelectionKey key) {
    Connection connection = (Connection) key.attachment();
    if (key.isConnectable()) {
      try {
        connection.channel.finishConnect();
      } catch (IOException e) {
        int request = end(connection);
        exchange.refused(request);
        return;
      }
      write(connection);
    } else if (key.isWritable()) {
      write(connection);
    } else if (key.isReadable()) {
      read(connection);
    }
  }

  private void write(Connection connection) {
    try {
      connection.channel.write(connection.unsent);
      connection.key.interestOps(
          connection.unsent.hasRemaining()
              ? SelectionKey.OP_READ | SelectionKey.OP_WRITE
              : SelectionKey.OP_READ);
    } catch (IOException e) {
      fail(connection);
    }
  }

  private void read(Connection connection) {
    in.clear();
    int count;
    try {
      count = connection.channel.read(in);
    } catch (IOException e) {
      count = -1;
    }
    if (count < 0) {
      fail(connection);
      return;
    }
    if (connection.request == NONE && count > 0) {
      exchange.unasked();
      end(connection);
      return;
    }
    in.flip();
    if (connection.length + count > connection.answer.length) {
      connection.answer =
          Arrays.copyOf(
              connection.answer, Math.max(2 * connection.length, connection.length + count));
    }
    in.get(connection.answer, connection.length, count);
    connection.length += count;
    parse(connection);
  }

  private void parse(Connection connection) {
    int headEnd = headEnd(connection);
    if (headEnd < 0) {
      return;
    }
    String head = new String(connection.answer, 0, headEnd, StandardCharsets.ISO_8859_1);
    String lower = head.toLowerCase(Locale.ROOT);
    int field = lower.indexOf("\r\ncontent-length:");
    int value = field + "\r\ncontent-length:".length();
    int bodyLength = Integer.parseInt(lower.substring(value, lower.indexOf('\r', value)).strip());
    int end = headEnd + bodyLength;
    if (connection.length < end) {
      return;
    }
    int status = Integer.parseInt(head.substring(9, 12));
    String body = new String(connection.answer, headEnd, bodyLength, StandardCharsets.UTF_8);
    boolean more = connection.length > end;
    boolean close = lower.contains("\r\nconnection: close");
    int request = connection.request;
    connection.request = NONE;
    connection.length = 0;
    underWay--;
    if (more) {
      exchange.unasked();
    }
    if (more || close) {
      end(connection);
    } else {
      free.push(connection);
    }
    exchange.answered(request, status, body);
  }

  private static int headEnd(Connection connection) {
    byte[] bytes = connection.answer;
    for (int i = 3; i < connection.length; i++) {
      if (bytes[i] == '\n' && bytes[i - 1] == '\r' && bytes[i - 2] == '\n') {
        return i + 1;
      }
    }
    return -1;
  }

  private void fail(Connection connection) {
    int request = end(connection);
    if (request != NONE) {
      exchange.lost(request);
    }
  }

  /** Closes it; its request, if there is one, has ended. */
  private int end(Connection connection) {
    int request = connection.request;
    if (request != NONE) {
      connection.request = NONE;
      underWay--;
    }
    all.remove(connection);
    free.remove(connection);
    try {
      connection.channel.close();
    } catch (IOException e) {
      throw new IllegalStateException("a socket cannot be closed", e);
    }
    return request;
  }

  private void giveUp() {
    for (Connection connection : Set.copyOf(all)) {
      if (connection.request != NONE) {
        fail(connection);
      }
    }
    waiting.forEach(exchange::refused);
    waiting.clear();
  }

  @Override
  public void close() throws IOException {
    for (Connection connection : Set.copyOf(all)) {
      connection.channel.close();
    }
    selector.close();
  }

  static long seconds(double seconds) {
    return Math.round(seconds * TimeUnit.SECONDS.toNanos(1));
  }
}
