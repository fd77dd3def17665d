package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GzipStreamTest {
  @TempDir private Path folder;

  @Test
  void membersFollowOneAnother() throws IOException {
    Random random = new Random(3);
    for (int size : new int[] {0, 1, 7, 127, 129, 70_000, 300_000}) {
      byte[] a = bytes(random, size);
      byte[] b = bytes(random, size / 2);
      byte[] file = join(zipped(a), zipped(b), zipped(a));
      assertThat(plain(file)).isEqualTo(join(a, b, a));
      assertThat(plain(join(file, new byte[1_000]))).as("zeros").isEqualTo(join(a, b, a));
    }
  }

  @Test
  void optionalFieldsArePassedOver() throws IOException {
    byte[] text = "a text".getBytes();
    byte[] zipped = zipped(text);
    byte[] header = Arrays.copyOf(zipped, 10);
    header[3] = 2 | 4 | 8 | 16;
    byte[] fields = {3, 0, 9, 9, 9, 'n', 0, 'c', 'c', 0, 1, 2};
    byte[] rest = Arrays.copyOfRange(zipped, 10, zipped.length);
    assertThat(plain(join(header, fields, rest))).isEqualTo(text);
  }

  /** Wherever it is cut, but between two members. */
  @Test
  void noPartOfAFileIsTakenForTheWhole() throws IOException {
    byte[] first = zipped("one\ntwo\n".getBytes());
    byte[] file = join(first, zipped("three\nfour\n".getBytes()));
    for (int length = 0; length < file.length; length++) {
      byte[] cut = Arrays.copyOf(file, length);
      if (length == first.length) {
        assertThat(plain(cut)).asString().isEqualTo("one\ntwo\n");
      } else {
        assertThatThrownBy(() -> plain(cut)).as("cut at " + length).isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void whatIsDamagedIsRefused() throws IOException {
    byte[] plain = "one\ntwo\n".getBytes();
    byte[] file = zipped(plain);
    int refused = 0;
    for (int at = 0; at < file.length; at++) {
      byte[] damaged = file.clone();
      damaged[at] ^= 0x40;
      try {
        // Time, operating system and the bits after the last code say nothing about the text.
        assertThat(plain(damaged)).as("at " + at).isEqualTo(plain);
      } catch (IOException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThanOrEqualTo(file.length - 7);
    byte[] text = join(file, "more\n".getBytes());
    assertThatThrownBy(() -> plain(text)).hasMessageContaining("follows its end");
    byte[] late = join(file, new byte[9], file);
    assertThatThrownBy(() -> plain(late)).hasMessageContaining("follows its end");
  }

  @Test
  void textsAndImagesOfAFileThatWasCutShortAreRefused() throws IOException {
    byte[] part = zipped("text\none\n".getBytes());
    Path texts = Files.write(folder.resolve("texts.tsv.gz"), join(part, Arrays.copyOf(part, 6)));
    assertThatThrownBy(() -> TextData.read(texts))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is empty or cut short");
    byte[] record = zipped(new byte[3_073]);
    Path images = Files.write(folder.resolve("images.bin"), join(record, Arrays.copyOf(record, 6)));
    try (ImageFile file = ImageFile.open(images)) {
      assertThatThrownBy(() -> file.data().readAllBytes()).isInstanceOf(IOException.class);
    }
  }

  private static byte[] bytes(Random random, int size) {
    byte[] bytes = new byte[size];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] zipped(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  private static byte[] plain(byte[] file) throws IOException {
    try (GzipStream stream = new GzipStream(new ByteArrayInputStream(file))) {
      return stream.readAllBytes();
    }
  }

  private static byte[] join(byte[]... parts) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.write(part);
    }
    return all.toByteArray();
  }
}
