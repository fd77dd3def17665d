package dev.offramp.runtime.serve.protocol;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.TinyImageModel;
import dev.offramp.runtime.TinyModel;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Random;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;

/** Requests, and the models and limits that the tests read them for. */
final class Bodies {
  static final InferLimits LIMITS =
      new InferLimits(4, 50, 2_000, 1_000, Duration.ofSeconds(10), Duration.ofSeconds(60));

  private Bodies() {}

  static ModelConfig texts(Path temp) {
    return config(TinyModel.write(temp.resolve("texts"), 1, 2, 4));
  }

  /** Images of 12 x 10 pixels in three channels. */
  static ModelConfig images(Path temp) {
    return config(
        TinyImageModel.write(
            temp.resolve("images"), 1, TinyImageModel.FOUR_BLOCKS, TinyImageModel.exits(2, 4)));
  }

  /** Images of 21 x 18 pixels in grey. */
  static ModelConfig greyImages(Path temp) {
    return config(
        TinyImageModel.write(
            temp.resolve("grey"), 1, TinyImageModel.BOTTLENECK, TinyImageModel.exits(2, 3)));
  }

  private static ModelConfig config(Path directory) {
    return ModelConfig.read(directory.resolve("config.json"));
  }

  static InferRequest parse(String body, ModelConfig config) {
    return InferRequest.parse(body.getBytes(StandardCharsets.UTF_8), config, LIMITS);
  }

  /** That a body is refused by a message that starts so. */
  static void refuses(String body, ModelConfig config, String message) {
    refuses(body.getBytes(StandardCharsets.UTF_8), config, message);
  }

  static void refuses(byte[] body, ModelConfig config, String message) {
    assertThatThrownBy(() -> InferRequest.parse(body, config, LIMITS))
        .isInstanceOf(BadRequestException.class)
        .message()
        .startsWith(message)
        .hasSizeLessThan(400)
        .doesNotContainPattern("\\p{Cntrl}");
  }

  /** A request with this one tensor. */
  static String of(String name, String datatype, String shape, String data) {
    return "{\"inputs\":[" + tensor(name, datatype, shape, data) + "]}";
  }

  static String tensor(String name, String datatype, String shape, String data) {
    return "{\"name\":\"%s\",\"datatype\":\"%s\",\"shape\":%s,\"data\":%s}"
        .formatted(name, datatype, shape, data);
  }

  /** A request with one text and more at the end of the document's object. */
  static String text(String more) {
    String body = of("text", "BYTES", "[1]", "[\"wab\"]");
    return body.substring(0, body.length() - 1) + "," + more + "}";
  }

  static String base64(byte[] file) {
    return Base64.getEncoder().encodeToString(file);
  }

  /** A picture of noise. */
  static byte[] picture(int width, int height, String format) {
    Random random = new Random(7);
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, random.nextInt(1 << 24));
    }
    return encoded(image, format);
  }

  /** A PNG of one colour: few bytes for many pixels. */
  static byte[] flat(int width, int height) {
    return encoded(new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB), "png");
  }

  private static byte[] encoded(BufferedImage image, String format) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, format, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /** A PNG whose header says that it is larger. */
  static byte[] bomb(int width, int height) {
    byte[] png = picture(2, 2, "png");
    ByteBuffer bytes = ByteBuffer.wrap(png);
    bytes.putInt(16, width).putInt(20, height);
    CRC32 crc = new CRC32();
    crc.update(png, 12, 17); // The header's type and its 13 bytes.
    bytes.putInt(29, (int) crc.getValue());
    return png;
  }
}
