package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.event.IIOReadUpdateListener;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Scans where the decoder finds them: each pass over the picture that it makes must be counted. */
class JpegScansTest {
  private static final int SOME = JpegScans.MOST + 1;
  private static final byte MARKER = (byte) 0xff;
  private static final byte[] END = {MARKER, (byte) 0xd9};

  /** Starts again after each block: where a decoder then misses a marker, it looks for the next. */
  private static final byte[] RESTART_INTERVAL = {MARKER, (byte) 0xdd, 0, 4, 0, 1};

  /** Up to the first scan. */
  private static byte[] head;

  private static byte[] scans;
  private static byte[] manyScans;

  @BeforeAll
  static void cutAJpeg() throws IOException {
    byte[] jpeg = Pictures.progressiveJpeg(16, 16);
    int end = jpeg.length - END.length;
    int first = 2;
    while (!isScan(jpeg, first)) {
      first++;
    }
    int last = end;
    while (!isScan(jpeg, last)) {
      last--;
    }
    head = Arrays.copyOf(jpeg, first);
    scans = Arrays.copyOfRange(jpeg, first, end);
    ByteArrayOutputStream many = new ByteArrayOutputStream();
    for (int i = 0; i < SOME; i++) {
      many.write(jpeg, last, end - last);
    }
    manyScans = many.toByteArray();
  }

  private static boolean isScan(byte[] jpeg, int at) {
    return jpeg[at] == MARKER && jpeg[at + 1] == (byte) 0xda;
  }

  /** In a segment of each kind, whose length says that it holds them, between scans or in one. */
  @Test
  void countsWhatTheDecoderFindsInSegments() throws IOException {
    int hidden = 0;
    int length = 2 + manyScans.length;
    for (byte[] interval : new byte[][] {{}, RESTART_INTERVAL}) {
      for (int code = 0x01; code < 0xff; code++) {
        byte[] segment = {MARKER, (byte) code, (byte) (length >> 8), (byte) length};
        byte[] jpeg = joined(head, interval, scans, segment, manyScans, END);
        Decoded decoded = decoded(jpeg);
        if (decoded.isMany() || decoded.isWhole) {
          assertThat(isRefused(jpeg)).as("code %02x", code).isEqualTo(decoded.isMany());
        }
        hidden += decoded.isMany() ? 1 : 0;
      }
    }
    // Most codes mean nothing to a decoder, which looks on behind them.
    assertThat(hidden).isGreaterThan(2 * 0xbf);
  }

  /** A file may be tables and their end, then a picture that uses them. */
  @Test
  void countsWhatFollowsTables() throws IOException {
    byte[] tables = {MARKER, (byte) 0xd8, MARKER, (byte) 0xd9};
    byte[] jpeg = joined(tables, head, scans, manyScans, END);
    assertThat(decoded(jpeg).isMany()).isTrue();
    assertThat(isRefused(jpeg)).isTrue();
    assertThat(isRefused(joined(tables, head, scans, END, manyScans))).isFalse();
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private static boolean isRefused(byte[] jpeg) {
    try (ImageFile file = ImageFile.of(jpeg, "picture")) {
      JpegScans.check(file, jpeg);
      return false;
    } catch (InputException e) {
      assertThat(e).hasMessageContaining("has more than 64 scans");
      return true;
    }
  }

  /**
   * What a decoder made of a file.
   *
   * @param passes how often it went over the picture
   * @param isWhole false if it gave up then
   */
  private record Decoded(int passes, boolean isWhole) {
    boolean isMany() {
      return passes > JpegScans.MOST;
    }
  }

  private static Decoded decoded(byte[] jpeg) throws IOException {
    ImageReader reader = ImageIO.getImageReadersByFormatName("jpeg").next();
    AtomicInteger passes = new AtomicInteger();
    IIOReadUpdateListener listener =
        (IIOReadUpdateListener)
            Proxy.newProxyInstance(
                JpegScansTest.class.getClassLoader(),
                new Class<?>[] {IIOReadUpdateListener.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("passStarted")) {
                    passes.incrementAndGet();
                  }
                  return null;
                });
    try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(jpeg))) {
      reader.addIIOReadUpdateListener(listener);
      reader.setInput(in, true, true);
      reader.read(0);
      return new Decoded(passes.get(), true);
    } catch (IIOException e) {
      return new Decoded(passes.get(), false);
    } finally {
      reader.dispose();
    }
  }
}
