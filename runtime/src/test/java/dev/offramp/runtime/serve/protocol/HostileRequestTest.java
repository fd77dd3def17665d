package dev.offramp.runtime.serve.protocol;

import static dev.offramp.runtime.serve.protocol.Bodies.base64;
import static dev.offramp.runtime.serve.protocol.Bodies.of;
import static dev.offramp.runtime.serve.protocol.Bodies.picture;
import static dev.offramp.runtime.serve.protocol.Bodies.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.offramp.models.ModelConfig;
import dev.offramp.runtime.Request;
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Requests meant to do harm, each of which can be repeated by its seed. */
class HostileRequestTest {
  private static final int MUTATIONS = 10_000;

  /** Seconds; what takes about one here is not to fail on a busy machine. */
  private static final int HANGS = 20;

  private static final List<String> TOKENS =
      List.of(
          "{",
          "}",
          "[",
          "]",
          ",",
          ":",
          "\"",
          "\\",
          "\\u",
          "null",
          "true",
          "false",
          "NaN",
          "-",
          "0",
          "-1",
          "1e99",
          "1.5",
          "9223372036854775808",
          "[[[[[[",
          "\u0000",
          "\ufeff",
          "\ud83d\ude00",
          "\"shape\":[1]",
          "\"data\":[]",
          "\"data\":[[1,2],[3]]",
          "\"name\":\"text\"",
          "\"parameters\":{\"timeout\":5}",
          "\"input_ids\"",
          "\"pixels\"",
          "\"image\"",
          "4294967296",
          "//",
          "/*",
          "'",
          "\r\n");

  @TempDir private static Path temp;
  private static ModelConfig texts;
  private static ModelConfig images;

  private final long seed = Long.getLong("offramp.seed", System.nanoTime());
  private final Random random = new Random(seed);

  HostileRequestTest() {
    System.out.println("HostileRequestTest: offramp.seed=" + seed);
  }

  /** A body that is taken. */
  private record Valid(byte[] body, ModelConfig config) {
    Valid(String body, ModelConfig config) {
      this(body.getBytes(StandardCharsets.UTF_8), config);
    }
  }

  @BeforeAll
  static void writeModels() {
    texts = Bodies.texts(temp);
    images = Bodies.images(temp);
  }

  private static List<Valid> valid() {
    String ids = tensor("input_ids", "INT64", "[2,3]", "[[1,5,2],[1,2,0]]");
    String mask = tensor("attention_mask", "INT64", "[2,3]", "[1,1,1,1,1,0]");
    String files =
        "[\"" + base64(picture(9, 8, "png")) + "\",\"" + base64(picture(8, 8, "jpeg")) + "\"]";
    return List.of(
        new Valid(
            Bodies.text(
                """
                "id":"é 7","parameters":{"full_depth":true,"timeout":1500},
                "outputs":[{"name":"label"},{"name":"probabilities","parameters":{}}]\
                """),
            texts),
        new Valid("{\"inputs\":[" + ids + ", " + mask + "]}", texts),
        new Valid(of("image", "BYTES", "[2]", files), images),
        new Valid(of("pixels", "UINT8", "[1,12,10,3]", pixels(1)), images));
  }

  private static String pixels(int images) {
    return "[" + "17,".repeat(images * 360 - 1) + "255]";
  }

  @Test
  void noPartOfARequestIsTaken() {
    for (Valid valid : valid()) {
      assertThat(InferRequest.parse(valid.body, valid.config, Bodies.LIMITS).requests())
          .isNotEmpty();
      for (int length = 0; length < valid.body.length; length++) {
        Bodies.refuses(Arrays.copyOf(valid.body, length), valid.config, "$");
      }
    }
  }

  @Test
  @Timeout(HANGS)
  void mutatedRequestsAreTakenWithinTheLimitsOrRefused() {
    List<Valid> valid = valid();
    int taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      Valid original = valid.get(i % valid.size());
      byte[] body = original.body;
      for (int times = 1 + random.nextInt(3); times > 0; times--) {
        body = mutated(body);
      }
      try {
        InferRequest request = InferRequest.parse(body, original.config, Bodies.LIMITS);
        obeysTheLimits(request, original.config);
        taken++;
      } catch (BadRequestException e) {
        assertThat(e.getMessage())
            .startsWith("$")
            .hasSizeLessThan(800)
            .doesNotContainPattern("\\p{Cntrl}");
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            "mutation " + i + ", offramp.seed=" + seed + ": " + base64(body), e);
      }
    }
    // Some spoil nothing, such as a flipped letter of a text; most do.
    assertThat(taken).isBetween(MUTATIONS / 100, MUTATIONS / 2);
  }

  private byte[] mutated(byte[] body) {
    int from = random.nextInt(body.length + 1);
    int to = Math.min(body.length, from + 1 + random.nextInt(random.nextBoolean() ? 2 : 40));
    return switch (random.nextInt(4)) {
      case 0 -> {
        byte[] flipped = body.clone();
        if (from < to) {
          flipped[from] ^= (byte) (1 << random.nextInt(8));
        }
        yield flipped;
      }
      case 1 -> spliced(body, from, new byte[0], to);
      case 2 -> spliced(body, to, Arrays.copyOfRange(body, from, to), to);
      default -> {
        byte[] token = TOKENS.get(random.nextInt(TOKENS.size())).getBytes(StandardCharsets.UTF_8);
        yield spliced(body, from, token, random.nextBoolean() ? from : to);
      }
    };
  }

  /** What is before from, something new, and what is from to on. */
  private static byte[] spliced(byte[] body, int from, byte[] inserted, int to) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(body, 0, from);
    out.writeBytes(inserted);
    out.write(body, to, body.length - to);
    return out.toByteArray();
  }

  private static void obeysTheLimits(InferRequest request, ModelConfig config) {
    InferLimits limits = Bodies.LIMITS;
    assertThat(request.requests()).hasSizeBetween(1, limits.batch());
    assertThat(request.outputs()).isNotEmpty().doesNotHaveDuplicates();
    for (Request one : request.requests()) {
      assertThat(one.deadline()).isBetween(Duration.ofNanos(1_000), limits.longestDeadline());
      assertThat(one.probabilities()).isEqualTo(request.outputs().contains(Output.PROBABILITIES));
      switch (one.input()) {
        case Request.Text(String text) ->
            assertThat(text).hasSizeLessThanOrEqualTo(limits.textCharacters());
        case Request.Prepared(int[] numbers) -> {
          int least = config.takesTexts() ? 1 : config.longestRow();
          int end = config.takesTexts() ? config.bert().vocabSize() : 1 << 24;
          assertThat(numbers).hasSizeBetween(least, config.longestRow());
          assertThat(Arrays.stream(numbers)).allMatch(number -> number >= 0 && number < end);
        }
        case Request.Image image -> throw new AssertionError("a file of the server: " + image);
        case Request.ImageBytes _ -> throw new AssertionError("beyond the budget of pixels");
      }
    }
  }

  @Test
  @Timeout(HANGS)
  void deepNestingEndsEarly() {
    String deep = "[".repeat(100_000);
    Bodies.refuses(deep, texts, "$: must be an object, found a list");
    Bodies.refuses("{\"a\":".repeat(100_000), texts, "$.a: unknown field");
    Bodies.refuses(
        of("text", "BYTES", "[1]", deep), texts, "$.inputs[0].data[0][0][0][0]: is nested more");
    Bodies.refuses(of("text", "BYTES", deep, "[]"), texts, "$.inputs[0].shape[0]: must be a whole");
    Bodies.refuses("{\"inputs\":" + deep, texts, "$.inputs[0]: must be an object, found a list");
    Bodies.refuses("{\"parameters\":{\"timeout\":" + deep, texts, "$.parameters.timeout: must be");
    Bodies.refuses("{\"id\":" + deep, texts, "$.id: must be a string, found a list");
  }

  @Test
  void hugeShapesTakeNoMemory() {
    for (String shape :
        List.of(
            "[4,4611686018427387904]", "[4294967296,4294967296]", "[2147483647,2147483647,3]")) {
      long bytes =
          allocatedBy(() -> {
            Bodies.refuses(of("input_ids", "INT64", shape, "[1]"), texts, "$.inputs[0].shape: ");
            Bodies.refuses(of("text", "BYTES", shape, "[\"a\"]"), texts, "$.inputs[0].shape: ");
            Bodies.refuses(of("pixels", "UINT8", shape, "[1]"), images, "$.inputs[0].shape: ");
          });
      assertThat(bytes).isLessThan(8 << 20);
    }
  }

  /** Millions of numbers cost no objects that stay, and what is kept is small beside the body. */
  @Test
  void largeBodiesAreNotTakenApartIntoObjects() {
    InferLimits limits = new InferLimits(5_000, 10, 10, 10, Duration.ZERO, Duration.ofSeconds(1));
    byte[] body =
        of("pixels", "UINT8", "[5000,12,10,3]", pixels(5_000)).getBytes(StandardCharsets.UTF_8);
    assertThat(body.length).isGreaterThan(5_000_000);
    long start = System.nanoTime();
    long bytes =
        allocatedBy(
            () -> assertThat(InferRequest.parse(body, images, limits).requests()).hasSize(5_000));
    System.out.printf(
        "HostileRequestTest: %.1f million numbers in %d ms, %.1f bytes allocated a byte%n",
        5_000 * 360 / 1e6, (System.nanoTime() - start) / 1_000_000, (double) bytes / body.length);
    // All that was ever allocated, a short-lived string for each number included.
    assertThat(bytes).isLessThan(30L * body.length);
  }

  /** A large body may hold no more than a few numbers, wherever the shape stands. */
  @Test
  void blanksTakeNoMemory() {
    InferLimits limits = new InferLimits(1 << 15, 10, 10, 10, Duration.ZERO, Duration.ofSeconds(1));
    String shape = "\"shape\":[8000,12,10,3]";
    String data = "\"data\":[1" + " ".repeat(8 << 20) + "]";
    for (String fields : List.of(shape + "," + data, data + "," + shape)) {
      byte[] body =
          ("{\"inputs\":[{\"name\":\"pixels\",\"datatype\":\"UINT8\"," + fields + "}]}")
              .getBytes(StandardCharsets.UTF_8);
      long bytes =
          allocatedBy(() ->
              assertThatThrownBy(() -> InferRequest.parse(body, images, limits))
                  .isInstanceOf(BadRequestException.class)
                  .hasMessageContaining("has 1 values, its shape says 2880000; make them agree"));
      // Room for all numbers that the body could hold would be twice its size.
      assertThat(bytes).isLessThan(body.length);
    }
  }

  private static long allocatedBy(Runnable work) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  @Test
  void longNamesAndManyFieldsEndEarly() {
    Bodies.refuses("{\"" + "n".repeat(1 << 20) + "\":1}", texts, "$." + "n".repeat(40) + "…: ");
    Bodies.refuses(
        "{\"outputs\":[" + "{\"name\":\"exit\"},".repeat(100_000) + "]}",
        texts,
        "$.outputs[1].name: is given twice; remove one");
    Bodies.refuses(
        "{\"inputs\":[" + tensor("a", "b", "[]", "[]").concat(",").repeat(50_000) + "]}",
        texts,
        "$.inputs[1].name: is given twice; remove one");
  }
}
