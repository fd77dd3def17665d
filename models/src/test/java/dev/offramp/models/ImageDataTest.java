package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ResnetArchitecture.Group;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.models.ResnetArchitecture.Stem;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageDataTest {
  private static final List<String> CIFAR =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");
  private static final ModelConfig COLOUR = config(32, 3, CIFAR);

  @TempDir private Path temp;

  @Test
  void readsCifarRecords() throws IOException {
    Path plain = write("a.bin", cifar(3));
    List<Picture> pictures = ImageData.read(List.of(plain), COLOUR, ImageData.OnBad.FAIL);
    assertThat(pictures)
        .extracting(Picture::label)
        .containsExactly("airplane", "automobile", "bird");
    assertThat(pictures.get(1).source()).isEqualTo(plain + ": record 1");
    // Red, green and blue of pixel 5 as cifar() made them.
    assertThat(pictures.get(1).pixels()).hasSize(1024);
    assertThat(pictures.get(1).pixels()[5]).isEqualTo(6 | 7 << 8 | 8 << 16);
    Path packed = gzip("b.bin.gz", cifar(3));
    assertThat(ImageData.read(List.of(plain, packed), COLOUR, ImageData.OnBad.FAIL))
        .hasSize(6)
        .extracting(picture -> picture.pixels()[5])
        .startsWith(5 | 6 << 8 | 7 << 16, 6 | 7 << 8 | 8 << 16, 7 | 8 << 8 | 9 << 16);
  }

  @Test
  void namesClassesAsTheModelDoes() throws IOException {
    Path file = write("a.bin", cifar(2));
    List<String> reversed = new ArrayList<>(CIFAR);
    Collections.reverse(reversed);
    assertThat(labels(file, config(32, 3, reversed))).containsExactly("airplane", "automobile");
    List<String> own = List.of("zero", "one", "two");
    assertThat(labels(file, config(32, 3, own))).containsOnlyNulls().hasSize(2);
    List<String> ten = new ArrayList<>(CIFAR);
    ten.set(1, "car");
    assertThat(labels(file, config(32, 3, ten))).containsExactly("airplane", "car");
    List<String> more = new ArrayList<>(reversed);
    more.addFirst("submarine");
    assertThat(labels(file, config(32, 3, more))).containsExactly("airplane", "automobile");
    assertThat(labels(file, config(32, 3, List.of()))).containsExactly("airplane", "automobile");
  }

  @Test
  void namesWhatIsWrongWithCifarRecords() throws IOException {
    byte[] three = cifar(3);
    Path cut = write("cut.bin", Arrays.copyOf(three, 2 * 3073 + 100));
    refuses(cut, COLOUR, "record 2: the file ends after 100 of its 3073 bytes");
    three[3073] = 11;
    Path label = write("label.bin", three);
    refuses(label, COLOUR, "record 1: has class 11 where 0 to 9 are possible");
    refuses(write("empty.bin", new byte[0]), COLOUR, "is empty");
    refuses(gzip("empty.bin.gz", new byte[0]), COLOUR, "holds no images");
    byte[] packed = Files.readAllBytes(gzip("whole.bin.gz", cifar(3)));
    Path cutGzip = write("cut.bin.gz", Arrays.copyOf(packed, packed.length - 9));
    refuses(cutGzip, COLOUR, "cannot be read (the gzip data ends too early)");
    refuses(temp.resolve("none.bin"), COLOUR, "does not exist");

    List<String> told = new ArrayList<>();
    List<Picture> rest =
        ImageData.read(List.of(cut, label), COLOUR, problem -> told.add(problem.getMessage()));
    assertThat(rest)
        .extracting(Picture::label)
        .containsExactly("airplane", "automobile", "airplane", "bird");
    assertThat(told).hasSize(2);
    assertThat(told.get(0)).startsWith(cut + ": record 2: ");
    assertThat(told.get(1)).startsWith(label + ": record 1: ");
  }

  @Test
  void readsMnistWithTheLabelsBeside() throws IOException {
    Path images = gzip("t10k-images-idx3-ubyte.gz", idx(3, 2, 4));
    ModelConfig grey = config(2, 1, List.of());
    assertThat(ImageData.read(List.of(images), grey, ImageData.OnBad.FAIL))
        .extracting(Picture::label)
        .containsOnlyNulls();
    Path labels = gzip("t10k-labels-idx1-ubyte.gz", idxLabels(7, 0, 9));
    List<Picture> pictures = ImageData.read(List.of(images), grey, ImageData.OnBad.FAIL);
    assertThat(pictures).extracting(Picture::label).containsExactly("7", "0", "9");
    // The two columns in the middle of four.
    assertThat(pictures.get(1).pixels()).containsExactly(9, 10, 13, 14);
    assertThat(labels(images, config(2, 1, CIFAR))).containsExactly("horse", "airplane", "truck");
    refuses(labels, grey, "holds labels; name the file of the images beside it");
    ModelConfig five = config(2, 1, List.of("a", "b", "c", "d", "e"));
    assertThat(labels(images, five)).containsOnlyNulls().hasSize(3);
    gzip("t10k-labels-idx1-ubyte.gz", idxLabels(7, 0, 10));
    refuses(images, five, "image 2 of 3: has class 10 where 0 to 9 are possible");
    gzip("t10k-labels-idx1-ubyte.gz", idxLabels(7, 0));
    refuses(labels, images, grey, "header: says 2 labels where there are 3 images");
    gzip("t10k-labels-idx1-ubyte.gz", Arrays.copyOf(idxLabels(7, 0, 9), 10));
    refuses(labels, images, grey, "does not hold 3 labels");
    Path plain = write("train-images.idx3-ubyte", idx(2, 2, 2));
    write("train-labels.idx1-ubyte", idxLabels(1, 2));
    assertThat(labels(plain, grey)).containsExactly("1", "2");
  }

  @Test
  void namesWhatIsWrongWithMnist() throws IOException {
    ModelConfig grey = config(2, 1, List.of());
    byte[] three = idx(3, 2, 2);
    Path cut = write("images", Arrays.copyOf(three, 16 + 10));
    refuses(cut, grey, "image 2 of 3: the file ends within it");
    assertThat(ImageData.read(List.of(cut), grey, problem -> {})).hasSize(2);
    refuses(write("long", Arrays.copyOf(three, three.length + 1)), grey, "goes on after its 3");
    refuses(write("header", Arrays.copyOf(three, 9)), grey, "header: the file ends within it");
    refuses(write("none", idx(0, 2, 2)), grey, "header: says 0 images of 2 x 2");
    byte[] huge = ByteBuffer.allocate(16).putInt(0x803).putInt(-1).putInt(1 << 30).array();
    refuses(write("huge", huge), grey, "header: says -1 images of 1073741824 x 0");
  }

  @Test
  void mnistFitsAModelForColour() throws IOException {
    Path images = write("images", idx(1, 28, 28));
    int[] pixels = ImageData.read(List.of(images), COLOUR, problem -> {}).getFirst().pixels();
    assertThat(pixels).hasSize(1024);
    assertThat(Arrays.stream(pixels)).allMatch(p -> (p & 0xff) * 0x010101 == p);
  }

  @Test
  void readsFoldersOfFoldersByName() throws IOException {
    for (String name : List.of("dog/b.png", "dog/a.png", "cat/z.jpg", "cat/.hidden")) {
      Path file = temp.resolve("data").resolve(name);
      Files.createDirectories(file.getParent());
      Files.write(file, name.endsWith("jpg") ? Pictures.jpeg(40, 32) : Pictures.png(32, 32));
    }
    Path data = temp.resolve("data");
    List<Picture> pictures = ImageData.read(List.of(data), COLOUR, ImageData.OnBad.FAIL);
    assertThat(pictures).extracting(Picture::label).containsExactly("cat", "dog", "dog");
    assertThat(pictures)
        .extracting(Picture::source)
        .containsExactly(
            data.resolve("cat/z.jpg").toString(),
            data.resolve("dog/a.png").toString(),
            data.resolve("dog/b.png").toString());
    assertThat(pictures).allMatch(picture -> picture.pixels().length == 1024);
    assertThat(ImageData.read(List.of(data.resolve("dog")), COLOUR, ImageData.OnBad.FAIL))
        .extracting(Picture::label)
        .containsOnlyNulls()
        .hasSize(2);
    String hash = ImageData.hash(List.of(data));
    assertThat(hash).matches("[0-9a-f]{64}").isEqualTo(ImageData.hash(List.of(data)));
    Files.move(data.resolve("dog"), data.resolve("fox"));
    assertThat(ImageData.hash(List.of(data))).isNotEqualTo(hash);
    Path stray = Files.write(data.resolve("stray.png"), Pictures.png(32, 32));
    refuses(stray, data, COLOUR, "lies beside folders of classes");
    Path folder = Files.createDirectories(data.resolve("cat/folder"));
    Files.delete(stray);
    refuses(folder, data, COLOUR, "is a directory");
  }

  @Test
  void namesOfClassesAreFitForTerminals() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("classes/a\u001bb"));
    Files.write(folder.resolve("a.png"), Pictures.png(32, 32));
    assertThatThrownBy(
            () -> ImageData.read(List.of(folder.getParent()), COLOUR, ImageData.OnBad.FAIL))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a?b: names its class, and the name holds a control character");
  }

  @Test
  void skipsWhatIsBadAndReadsTheRest() throws IOException {
    Path data = Files.createDirectories(temp.resolve("data"));
    Files.write(data.resolve("a.png"), Pictures.png(32, 32));
    Files.writeString(data.resolve("b.png"), "not a picture");
    Files.write(data.resolve("c.png"), new byte[0]);
    Files.write(data.resolve("d.png"), Pictures.png(32, 32));
    List<String> told = new ArrayList<>();
    List<Picture> pictures =
        ImageData.read(List.of(data), COLOUR, problem -> told.add(problem.getMessage()));
    assertThat(pictures).hasSize(2);
    assertThat(told)
        .containsExactly(
            data.resolve("b.png")
                + ": is neither PNG nor JPEG; convert it to one of them, or move it away",
            data.resolve("c.png") + ": is empty; get the file again");
    Path bad = Files.createDirectories(temp.resolve("bad"));
    refuses(bad, COLOUR, "holds no images; name other data");
    Files.writeString(bad.resolve("b.png"), "not a picture");
    assertThatThrownBy(() -> ImageData.read(List.of(bad), COLOUR, problem -> {}))
        .isInstanceOf(InputException.class)
        .hasMessage(bad + ": not one image could be read; name files or folders of images");
  }

  @Test
  void aFolderThatCannotBeReadIsSkippedLikeAPicture() throws IOException {
    Path data = temp.resolve("data");
    for (String name : List.of("cat", "dog")) {
      Path ofClass = Files.createDirectories(data.resolve(name));
      Files.write(ofClass.resolve("a.png"), Pictures.png(32, 32));
    }
    Path closed = data.resolve("cat");
    assertThat(closed.toFile().setReadable(false)).isTrue();
    try {
      Assumptions.assumeFalse(Files.isReadable(closed), "this user may read everything");
      refuses(closed, data, COLOUR, "cannot be read");
      List<String> told = new ArrayList<>();
      assertThat(ImageData.read(List.of(data), COLOUR, problem -> told.add(problem.getMessage())))
          .extracting(Picture::label)
          .containsExactly("dog");
      assertThat(told).singleElement().asString().startsWith(closed + ": cannot be read");
    } finally {
      assertThat(closed.toFile().setReadable(true)).isTrue();
    }
  }

  @Test
  void onePictureIsOneFile() throws IOException {
    Path png = write("a.png", Pictures.png(40, 32));
    Picture picture = ImageData.picture(png, COLOUR);
    assertThat(picture.label()).isNull();
    assertThat(picture.pixels())
        .isEqualTo(ImageData.read(List.of(png), COLOUR, ImageData.OnBad.FAIL).getFirst().pixels());
    for (Path other : List.of(temp, write("a.bin", cifar(1)), write("images", idx(1, 28, 28)))) {
      assertThatThrownBy(() -> ImageData.picture(other, COLOUR))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(other + ": ")
          .hasMessageContaining(other == temp ? "is a directory" : "is neither PNG nor JPEG");
    }
  }

  /** Half a megabyte would unpack to gigabytes of pixels. */
  @Test
  void refusesMoreThanFitsAHeap() throws IOException {
    Path file = gzip("many.bin.gz", new byte[65 * 3073]);
    ModelConfig large = config(2048, 3, List.of());
    assertThatThrownBy(() -> ImageData.read(List.of(file), large, problem -> {}))
        .isInstanceOf(InputException.class)
        .hasMessage(
            file
                + ": record 64: more than 64 images of 2048 x 2048; split the data and run each part"
                + " by itself");
  }

  @Test
  void theHashIsOfTheContentsAndOfLabels() throws IOException {
    Path a = write("a.bin", cifar(1));
    Path b = write("b.bin", cifar(2));
    String hash = ImageData.hash(List.of(a, b));
    assertThat(ImageData.hash(List.of(write("c.bin", cifar(1)), b))).isEqualTo(hash);
    assertThat(ImageData.hash(List.of(b, a))).isNotEqualTo(hash);
    Path images = write("x-images-idx3", idx(1, 2, 2));
    String without = ImageData.hash(List.of(images));
    write("x-labels-idx1", idxLabels(1));
    assertThat(ImageData.hash(List.of(images))).isNotEqualTo(without);
  }

  @Test
  void readsThePublishedFiles() {
    Path data = Path.of(System.getProperty("offramp.shared", ""), "data");
    if (!Files.exists(data.resolve("cifar10"))) {
      System.err.println("SKIPPED ImageDataTest: no " + data.resolve("cifar10"));
    }
    Assumptions.assumeTrue(Files.exists(data.resolve("cifar10")), "no " + data.resolve("cifar10"));
    List<Picture> cifar =
        ImageData.read(
            List.of(data.resolve("cifar10/test_batch.bin.gz")), COLOUR, ImageData.OnBad.FAIL);
    assertThat(cifar).hasSize(10_000);
    for (String label : CIFAR) {
      assertThat(cifar.stream().filter(picture -> picture.label().equals(label))).hasSize(1000);
    }
    List<Picture> digits =
        ImageData.read(
            List.of(data.resolve("mnist/t10k-images-idx3-ubyte.gz")),
            config(28, 1, List.of()),
            ImageData.OnBad.FAIL);
    assertThat(digits).hasSize(10_000);
    assertThat(digits.stream().limit(5).map(Picture::label))
        .containsExactly("7", "2", "1", "0", "4");
  }

  /** Record r is of class r; pixel p has red p + r, green one more, blue one more. */
  private static byte[] cifar(int records) {
    byte[] bytes = new byte[records * 3073];
    for (int r = 0; r < records; r++) {
      bytes[r * 3073] = (byte) r;
      for (int c = 0; c < 3; c++) {
        for (int p = 0; p < 1024; p++) {
          bytes[r * 3073 + 1 + 1024 * c + p] = (byte) (p + r + c);
        }
      }
    }
    return bytes;
  }

  /** Pixels count on from 0. */
  private static byte[] idx(int images, int rows, int columns) {
    byte[] pixels = new byte[images * rows * columns];
    for (int p = 0; p < pixels.length; p++) {
      pixels[p] = (byte) p;
    }
    return ByteBuffer.allocate(16 + pixels.length)
        .putInt(0x803)
        .putInt(images)
        .putInt(rows)
        .putInt(columns)
        .put(pixels)
        .array();
  }

  private static byte[] idxLabels(int... labels) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + labels.length).putInt(0x801).putInt(labels.length);
    for (int label : labels) {
      bytes.put((byte) label);
    }
    return bytes.array();
  }

  static ModelConfig config(int side, int channels, List<String> labels) {
    List<Double> half = Collections.nCopies(channels, 0.5);
    return new ModelConfig(
        1,
        "resnet",
        "images",
        new ResnetArchitecture(
            new Image(side, side, channels),
            new Stem(4, 3, 1, false),
            "basic",
            List.of(new Group(1, 4, 4, 1)),
            1,
            "pad"),
        new ImagePreprocessing(side, half, half),
        labels,
        labels.isEmpty() ? List.of() : List.of(new Exit(1, Head.ofImage(1, "top1"))),
        "a test");
  }

  private static Stream<String> labels(Path file, ModelConfig config) {
    return ImageData.read(List.of(file), config, ImageData.OnBad.FAIL).stream().map(Picture::label);
  }

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(temp.resolve(name), bytes);
  }

  private Path gzip(String name, byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    }
    return write(name, packed.toByteArray());
  }

  private static void refuses(Path file, ModelConfig config, String message) {
    refuses(file, file, config, message);
  }

  private static void refuses(Path named, Path read, ModelConfig config, String message) {
    assertThatThrownBy(() -> ImageData.read(List.of(read), config, ImageData.OnBad.FAIL))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(named + ": ")
        .hasMessageContaining(message)
        .hasMessageContaining("; ");
  }
}
