package dev.offramp.runtime.serve.protocol;

import static dev.offramp.runtime.serve.protocol.Bodies.base64;
import static dev.offramp.runtime.serve.protocol.Bodies.of;
import static dev.offramp.runtime.serve.protocol.Bodies.picture;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.offramp.models.ImageData;
import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.DeadlineException;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.TinyImageModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests to models of images. */
class ImageRequestTest {
  @TempDir private static Path temp;
  private static ModelConfig config;

  @BeforeAll
  static void writeModel() {
    config = Bodies.images(temp);
  }

  private static List<int[]> pixels(String body, ModelConfig config) {
    return Bodies.parse(body, config).requests().stream()
        .map(one -> ((Request.Prepared) one.input()).numbers())
        .toList();
  }

  private static void refuses(String body, String message) {
    Bodies.refuses(body, config, message);
  }

  private static String files(byte[]... files) {
    return Arrays.stream(files)
        .map(file -> "\"" + base64(file) + "\"")
        .collect(Collectors.joining(",", "[", "]"));
  }

  @Test
  void readsFilesAsTheyAreReadFromDisk() throws IOException {
    byte[] png = picture(17, 13, "png");
    byte[] jpeg = picture(20, 30, "jpeg");
    int[][] expected = {fromDisk(png), fromDisk(jpeg)};
    assertThat(pixels(of("image", "BYTES", "[2]", files(png, jpeg)), config))
        .containsExactly(expected);
    String body = of("image", "BYTES", "[2,1]", files(png, jpeg));
    String marked =
        body.replace("\"shape\"", "\"parameters\":{\"content_type\":\"base64\"},\"shape\"");
    assertThat(pixels(marked, config)).containsExactly(expected);
  }

  private static int[] fromDisk(byte[] file) throws IOException {
    return ImageData.picture(Files.write(temp.resolve("file"), file), config).pixels();
  }

  @Test
  void readsPixelsInColourAndGrey() {
    List<int[]> images = TinyImageModel.images(5, 2, TinyImageModel.FOUR_BLOCKS);
    String data =
        images.stream()
            .flatMap(image -> Arrays.stream(image).boxed())
            .map(p -> "[%d,%d,%d]".formatted(p & 0xff, p >> 8 & 0xff, p >> 16))
            .collect(Collectors.joining(",", "[", "]"));
    String flat = "[" + data.replaceAll("[\\[\\]]", "") + "]";
    assertThat(pixels(of("pixels", "UINT8", "[2,12,10,3]", flat), config))
        .containsExactly(images.get(0), images.get(1));
    int[] grey = TinyImageModel.images(6, 1, TinyImageModel.BOTTLENECK).getFirst();
    String rows =
        IntStream.range(0, 21)
            .mapToObj(y ->
                IntStream.range(0, 18)
                    .mapToObj(x -> "[" + grey[y * 18 + x] + "]")
                    .collect(Collectors.joining(",", "[", "]")))
            .collect(Collectors.joining(",", "[[", "]]"));
    assertThat(pixels(of("pixels", "UINT8", "[1,21,18,1]", rows), Bodies.greyImages(temp)))
        .containsExactly(grey);
  }

  @Test
  void refusesOtherPixels() {
    String zeros = "[" + "0,".repeat(359) + "%s]";
    assertThat(pixels(of("pixels", "UINT8", "[1,12,10,3]", zeros.formatted(255)), config))
        .singleElement()
        .satisfies(image -> assertThat(image).endsWith(255 << 16));
    for (int value : new int[] {256, -1}) {
      refuses(
          of("pixels", "UINT8", "[1,12,10,3]", zeros.formatted(value)),
          "$.inputs[0].data: channel 2 of pixel 119 of image 0 is %d, must be 0 to 255"
              .formatted(value));
    }
    refuses(
        of("pixels", "UINT8", "[1,3,12,10]", zeros.formatted(0)),
        "$.inputs[0].shape: is [1, 3, 12, 10]; the tensor pixels takes [1, 12, 10, 3]");
    refuses(
        of("pixels", "UINT8", "[1,12,10,3]", "[0]"),
        "$.inputs[0].shape: says that there are 360 numbers, at most 41 can come in this request;");
    refuses(
        of("pixels", "UINT8", "[1,12,10,3]", zeros.formatted("0,0")),
        "$.inputs[0].data[360]: is one value more than the 360 that the shape says; make them");
    refuses(
        of("pixels", "UINT8", "[5,12,10,3]", "[" + "0,".repeat(5 * 360) + "0]"),
        "$.inputs[0].shape: says that there are 1800 numbers, at most 1440 can come in this");
    refuses(
        of("pixels", "INT64", "[1,12,10,3]", zeros.formatted(0)),
        "$.inputs[0].datatype: is INT64; the tensor pixels takes UINT8");
    refuses(
        of("pixels", "FP32", "[1,12,10,3]", zeros.formatted(0)),
        "$.inputs[0].datatype: is FP32, and no input takes fractions; send the datatype that");
    refuses(
        of("text", "BYTES", "[1]", "[\"a\"]"),
        "$.inputs[0].name: there is no input text; send image, or pixels of shape"
            + " [inputs, 12, 10, 3]");
  }

  @Test
  void refusesWhatIsNoPicture() {
    refuses(
        of("image", "BYTES", "[1]", "[\"data:image/png;base64,AAAA\"]"),
        "$.inputs[0].data[0]: is not base64; send that of the file alone, without line breaks");
    refuses(of("image", "BYTES", "[1]", "[\"☺☺☺☺\"]"), "$.inputs[0].data[0]: is not base64");
    refuses(of("image", "BYTES", "[1]", "[\"\"]"), "$.inputs[0].data[0]: is empty; send the");
    refuses(
        of("image", "BYTES", "[2]", files(picture(3, 3, "png"), "GIF89a".getBytes())),
        "$.inputs[0].data[1]: is neither PNG nor JPEG; convert it to one of them");
    byte[] png = picture(9, 9, "png");
    refuses(
        of("image", "BYTES", "[1]", files(Arrays.copyOf(png, 50))),
        "$.inputs[0].data[0]: is cut short; get the file again");
  }

  @Test
  void refusesPicturesThatAreTooLarge() {
    // 1,000 pixels and 2,000 bytes may be sent.
    assertThat(pixels(of("image", "BYTES", "[1]", files(picture(40, 25, "jpeg"))), config))
        .hasSize(1);
    refuses(
        of("image", "BYTES", "[1]", files(picture(41, 25, "jpeg"))),
        "$.inputs[0].data[0]: has 1025 pixels, at most 1000; make it smaller");
    refuses(
        of("image", "BYTES", "[1]", files(Bodies.bomb(60_000, 60_000))),
        "$.inputs[0].data[0]: has 3600000000 pixels, at most 1000; make it smaller");
    refuses(
        of("image", "BYTES", "[1]", files(new byte[2_001])),
        "$.inputs[0].data[0]: is a file of 2001 bytes, at most 2000 are taken; make it smaller");
    refuses(
        of("image", "BYTES", "[1]", files(new byte[2_002])),
        "$.inputs[0].data[0]: has 2672 characters, at most 2668 are taken; make it shorter");
  }

  @Test
  void refusesPicturesThatAreTooLargeTogether() {
    // Of 1,000 pixels there may be four.
    InferLimits limits = new InferLimits(8, 1, 2_000, 1_000, Duration.ZERO, Duration.ofSeconds(1));
    byte[] largest = picture(40, 25, "jpeg");
    byte[] four =
        of("image", "BYTES", "[4]", files(largest, largest, largest, largest))
            .getBytes(StandardCharsets.UTF_8);
    assertThat(InferRequest.parse(four, config, limits).requests()).hasSize(4);
    // Nothing of it could be unpacked.
    byte[] bomb = Bodies.bomb(1, 501);
    byte[] half = picture(20, 25, "png");
    byte[] more =
        of("image", "BYTES", "[5]", files(largest, half, largest, largest, bomb))
            .getBytes(StandardCharsets.UTF_8);
    assertThatThrownBy(() -> InferRequest.parse(more, config, limits))
        .isInstanceOf(BadRequestException.class)
        .hasMessage(
            "$.inputs[0].data[4]: has 501 pixels, 4001 with the pictures before it, at most 4000;"
                + " send fewer at a time");
  }

  @Test
  void picturesThatComeTooLateAreNotDecoded() {
    InferLimits limits = new InferLimits(8, 1, 2_000, 1_000, Duration.ZERO, Duration.ofSeconds(1));
    // The third is none.
    String pictures = files(picture(3, 3, "png"), picture(3, 3, "png"), "GIF89a".getBytes());
    byte[] body =
        of("image", "BYTES", "[3]", pictures)
            .replaceFirst("\\{", "{\"parameters\":{\"timeout\":7000},")
            .getBytes(StandardCharsets.UTF_8);
    List<Duration> asked = new ArrayList<>();
    assertThatThrownBy(() ->
            InferRequest.parse(
                body, config, limits, timeout -> asked.add(timeout) && asked.size() == 3))
        .isInstanceOf(DeadlineException.class);
    assertThat(asked).hasSize(3).containsOnly(Duration.ofMillis(7));
    assertThatThrownBy(() -> InferRequest.parse(body, config, limits, timeout -> false))
        .isInstanceOf(BadRequestException.class);
  }

  @Test
  void anInterruptEndsItBeforeTheNextPicture() throws InterruptedException {
    int pictures = 400;
    InferLimits limits =
        new InferLimits(pictures, 1, 1 << 20, 1 << 28, Duration.ZERO, Duration.ofSeconds(1));
    byte[][] files = new byte[pictures][];
    Arrays.fill(files, Bodies.flat(1_000, 1_000));
    byte[] body =
        of("image", "BYTES", "[" + pictures + "]", files(files)).getBytes(StandardCharsets.UTF_8);
    AtomicReference<Throwable> ended = new AtomicReference<>();
    AtomicBoolean stillInterrupted = new AtomicBoolean();
    Thread thread =
        Thread.ofPlatform()
            .start(() -> {
              ended.set(catchThrowable(() -> InferRequest.parse(body, config, limits)));
              stillInterrupted.set(Thread.currentThread().isInterrupted());
            });
    // All of them take seconds.
    Thread.sleep(50);
    thread.interrupt();
    thread.join();
    assertThat(ended.get()).isInstanceOf(CancellationException.class);
    assertThat(stillInterrupted).isTrue();
  }
}
