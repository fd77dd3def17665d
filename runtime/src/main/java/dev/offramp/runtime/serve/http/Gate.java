package dev.offramp.runtime.serve.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.core.net.impl.ShutdownEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * What Vert.x cannot do for a connection and Netty, below it, can: see bytes before they are a
 * request, answer what is not one, and end without a reset that would take the answer with it. The
 * public {@link HttpConnection} leads to no channel, hence the cast to what implements it, and
 * tells of a shutdown but cannot put it off, hence the internal event. Used on the connection's
 * event loop only.
 */
final class Gate {
  /** What is told to the owner. */
  interface Watch {
    void bytesCame();

    void headCame();

    /** The bytes that follow cannot be understood. */
    void broken();

    /** The server drains. */
    void drain();

    /** A client that was told the end goes on sending beyond what is let through. */
    void floods();
  }

  private final Channel channel;
  private final Watch watch;
  private HttpRequest faulty;
  private boolean closing;
  private long mayDiscard;

  Gate(HttpConnection connection, Watch watch) {
    this.channel = ((ConnectionBase) connection).channel();
    this.watch = watch;
    ChannelPipeline pipeline = channel.pipeline();
    pipeline.addFirst(new Bytes());
    pipeline.addAfter("httpDecoder", null, new Messages());
  }

  /** Lets Vert.x answer a request whose head is faulty like any other, and keep the connection. */
  void forgiveFault() {
    faulty.setDecoderResult(DecoderResult.SUCCESS);
  }

  /**
   * Sends a refusal where there is no request that Vert.x could answer, and ends the connection.
   */
  void refuse(Reply reply, long mayDiscard) {
    StringBuilder head = new StringBuilder("HTTP/1.1 ");
    head.append(HttpResponseStatus.valueOf(reply.status()))
        .append("\r\nConnection: close\r\nContent-Type: ")
        .append(reply.contentType())
        .append("\r\nContent-Length: ")
        .append(reply.body().length);
    Reply.DEFAULTS.forEach((name, value) -> append(head, name, value));
    reply.headers().forEach((name, value) -> append(head, name, value));
    head.append("\r\n\r\n");
    ByteBuf bytes =
        Unpooled.wrappedBuffer(head.toString().getBytes(StandardCharsets.ISO_8859_1), reply.body());
    channel.pipeline().firstContext().writeAndFlush(bytes);
    endSending(mayDiscard);
  }

  private static void append(StringBuilder head, String name, String value) {
    head.append("\r\n").append(name).append(": ").append(value);
  }

  /**
   * Sends the end of the stream and from now on throws away what comes. To close with bytes unread
   * would reset the connection, and many a client would then not see the answer that it was sent.
   */
  void endSending(long mayDiscard) {
    closing = true;
    this.mayDiscard = mayDiscard;
    channel
        .config()
        .setAutoRead(true); // Vert.x may have stopped it; the client's end is to be seen
    ((DuplexChannel) channel).shutdownOutput();
  }

  /** Closes the connection at once. Vert.x would wait until all is sent, however long it takes. */
  void close() {
    channel.pipeline().firstContext().close();
  }

  /** In front of the decoder. */
  private final class Bytes extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
      if (!closing) {
        watch.bytesCame();
        context.fireChannelRead(bytes);
        return;
      }
      mayDiscard -= ((ByteBuf) bytes).readableBytes();
      ReferenceCountUtil.release(bytes);
      if (mayDiscard < 0) {
        watch.floods();
      }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (event instanceof ShutdownEvent) {
        watch.drain(); // Vert.x would close at once what sends its next request just now
      } else {
        context.fireUserEventTriggered(event);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (cause instanceof IOException) {
        Gate.this.close(); // Vert.x stumbles over a reset while a request waits behind another
      } else {
        watch.broken();
      }
    }
  }

  /** Behind the decoder. */
  private final class Messages extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (message instanceof HttpRequest request) {
        watch.headCame();
        HttpVersion version = request.protocolVersion();
        // Vert.x knows them by identity, and so HTTP in small letters as no version.
        if (version != HttpVersion.HTTP_1_1 && version != HttpVersion.HTTP_1_0) {
          request.setDecoderResult(
              DecoderResult.failure(new IllegalArgumentException("an unknown version of HTTP")));
        }
        if (request.decoderResult().isFailure()) {
          faulty = request;
          request.setProtocolVersion(HttpVersion.HTTP_1_1); // for the answer
        }
      }
      context.fireChannelRead(message);
    }
  }
}
