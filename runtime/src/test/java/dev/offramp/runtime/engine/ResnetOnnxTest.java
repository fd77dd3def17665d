package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.models.Exit;
import dev.offramp.models.ImageData;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.Picture;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.TinyImageModel;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Residual networks written as ONNX, run by ONNX Runtime, against the plain ones. */
class ResnetOnnxTest {
  @TempDir private Path folder;

  static Stream<Arguments> networks() {
    return Stream.of(
        Arguments.of(
            TinyImageModel.BASIC,
            new Exit[] {
              TinyImageModel.exit(1, 3, "margin"),
              TinyImageModel.exit(2, 2, "entropy"),
              TinyImageModel.exit(3, 1, "top1")
            }),
        // The cells of 6 x 5 pixels are 3 x 3, and those in a row share a column.
        Arguments.of(
            TinyImageModel.BOTTLENECK,
            new Exit[] {
              TinyImageModel.exit(1, 2, "top1"), TinyImageModel.exit(3, 1, "margin"),
            }));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void isWhatThePlainNetworkComputes(ResnetArchitecture architecture, Exit... exits)
      throws OrtException {
    Path path = TinyImageModel.write(folder.resolve("model"), 1, architecture, exits);
    List<int[]> images = TinyImageModel.images(2, 5, architecture);
    try (ModelDirectory model = ModelDirectory.open(path)) {
      PlainResnet plain = new PlainResnet(model);
      double[][][] expected = images.stream().map(plain::logits).toArray(double[][][]::new);
      Path whole = folder.resolve("whole.onnx");
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), whole);
      try (OnnxTensor input = input(model, images);
          OrtSession session = OrtEnvironment.getEnvironment().createSession(whole.toString());
          OrtSession.Result result = session.run(Map.of(OnnxExporter.PIXEL_VALUES, input))) {
        assertScores(result, expected, exits.length - 1, exits[exits.length - 1]);
      }
      segments(model, images, expected);
    }
  }

  private void segments(ModelDirectory model, List<int[]> images, double[][][] expected)
      throws OrtException {
    OnnxTensor states = input(model, images);
    String input = OnnxExporter.PIXEL_VALUES;
    for (OnnxExporter.Segment segment : OnnxExporter.segments(model.config())) {
      Path file = folder.resolve("exit-" + segment.exit() + ".onnx");
      OnnxExporter.write(model, segment, file);
      try (OnnxTensor taken = states;
          OrtSession session = OrtEnvironment.getEnvironment().createSession(file.toString());
          OrtSession.Result result = session.run(Map.of(input, taken))) {
        Exit exit = model.config().exits().get(segment.exit());
        assertScores(result, expected, segment.exit(), exit);
        input = OnnxExporter.HIDDEN_STATES;
        if (segment.to() < model.config().architecture().layers()) {
          states = copy((OnnxTensor) result.get(OnnxExporter.NEXT_HIDDEN_STATES).orElseThrow());
        } else {
          assertThat(result.get(OnnxExporter.NEXT_HIDDEN_STATES)).isEmpty();
        }
      }
    }
  }

  /** Results are freed with the run that gave them. */
  private static OnnxTensor copy(OnnxTensor tensor) throws OrtException {
    return OnnxTensor.createTensor(
        OrtEnvironment.getEnvironment(), tensor.getFloatBuffer(), tensor.getInfo().getShape());
  }

  private static void assertScores(
      OrtSession.Result result, double[][][] expected, int exit, Exit at) throws OrtException {
    float[][] logits = (float[][]) result.get(OnnxExporter.LOGITS).orElseThrow().getValue();
    long[] predictions = (long[]) result.get(OnnxExporter.PREDICTION).orElseThrow().getValue();
    float[] confidences = (float[]) result.get(OnnxExporter.CONFIDENCE).orElseThrow().getValue();
    for (int r = 0; r < logits.length; r++) {
      double[] row = expected[r][exit];
      for (int l = 0; l < row.length; l++) {
        assertThat(Math.abs(logits[r][l] - row[l])).isLessThan(1e-4);
      }
      int largest =
          IntStream.range(0, row.length).reduce((a, b) -> row[b] > row[a] ? b : a).orElseThrow();
      assertThat(predictions[r]).isEqualTo(largest);
      assertThat(Math.abs(confidences[r] - confidence(row, at.head().confidence())))
          .isLessThan(1e-4);
    }
  }

  private static double confidence(double[] logits, String kind) {
    double max = Arrays.stream(logits).max().orElseThrow();
    double total = Arrays.stream(logits).map(z -> Math.exp(z - max)).sum();
    double[] shares = Arrays.stream(logits).map(z -> Math.exp(z - max) / total).sorted().toArray();
    int last = shares.length - 1;
    return switch (kind) {
      case "top1" -> shares[last];
      case "margin" -> shares[last] - shares[last - 1];
      default ->
          1 + Arrays.stream(shares).map(p -> p * Math.log(p)).sum() / Math.log(shares.length);
    };
  }

  @Test
  void aBackboneGivesItsStates() throws OrtException {
    Path path = TinyImageModel.write(folder.resolve("model"), 3, TinyImageModel.BASIC);
    List<int[]> images = TinyImageModel.images(4, 2, TinyImageModel.BASIC);
    try (ModelDirectory model = ModelDirectory.open(path)) {
      Path whole = folder.resolve("whole.onnx");
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), whole);
      try (OnnxTensor input = input(model, images);
          OrtSession session = OrtEnvironment.getEnvironment().createSession(whole.toString());
          OrtSession.Result result = session.run(Map.of(OnnxExporter.PIXEL_VALUES, input))) {
        assertThat(result.size()).isEqualTo(1);
        float[][][][] states = (float[][][][]) result.get(0).getValue();
        double[][][] expected = new PlainResnet(model).states(images.get(1)).getLast();
        for (int c = 0; c < expected.length; c++) {
          for (int h = 0; h < expected[c].length; h++) {
            for (int w = 0; w < expected[c][h].length; w++) {
              assertThat(Math.abs(states[1][c][h][w] - expected[c][h][w])).isLessThan(1e-4);
            }
          }
        }
      }
    }
  }

  @Test
  void unevenCellsAreRefused() {
    Path path =
        TinyImageModel.write(
            folder.resolve("model"), 1, TinyImageModel.BASIC, TinyImageModel.exit(3, 4, "top1"));
    Path file = folder.resolve("whole.onnx");
    try (ModelDirectory model = ModelDirectory.open(path)) {
      assertThatThrownBy(() -> OnnxExporter.write(model, OnnxExporter.whole(model.config()), file))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(
              "$.exits[0].head.grid: 4 cells along 6 pixels are not all alike, which ONNX");
    }
    assertThat(file).doesNotExist();
  }

  /** All 10,000 test images give the published 91.73 %, the first 1,000 give 915. */
  @Test
  void resnet20KnowsCifar10() throws OrtException {
    Path data = Path.of(System.getProperty("offramp.shared", ""), "data");
    Path weights = data.resolve("cifar10-resnet/resnet20.safetensors");
    if (!Files.exists(weights)) {
      System.err.println("SKIPPED ResnetOnnxTest: no " + weights);
    }
    Assumptions.assumeTrue(Files.exists(weights), "no " + weights);
    Path path = folder.resolve("resnet20");
    Importer.importModel(weights.toString(), path, ImportOptions.defaults());
    Path onnx = folder.resolve("resnet20.onnx");
    try (ModelDirectory model = ModelDirectory.open(path)) {
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), onnx);
      List<Picture> pictures =
          ImageData.read(
                  List.of(data.resolve("cifar10/test_batch.bin.gz")),
                  model.config(),
                  ImageData.OnBad.FAIL)
              .subList(0, 1000);
      int right = 0;
      try (OnnxTensor input = input(model, pictures.stream().map(Picture::pixels).toList());
          OrtSession session = OrtEnvironment.getEnvironment().createSession(onnx.toString());
          OrtSession.Result result = session.run(Map.of(OnnxExporter.PIXEL_VALUES, input))) {
        long[] predictions = (long[]) result.get(OnnxExporter.PREDICTION).orElseThrow().getValue();
        for (int i = 0; i < predictions.length; i++) {
          String name = model.config().labels().get((int) predictions[i]);
          right += name.equals(pictures.get(i).label()) ? 1 : 0;
        }
      }
      System.out.printf("ResNet-20 by ONNX Runtime: %d of 1000 CIFAR-10 images%n", right);
      assertThat(right).isBetween(914, 916);
    }
  }

  private static OnnxTensor input(ModelDirectory model, List<int[]> images) throws OrtException {
    PlainResnet plain = new PlainResnet(model);
    ResnetArchitecture.Image image = model.config().resnet().image();
    FloatBuffer values =
        FloatBuffer.allocate(images.size() * image.channels() * image.height() * image.width());
    for (int[] pixels : images) {
      for (double[][] channel : plain.normalized(pixels)) {
        for (double[] row : channel) {
          for (double value : row) {
            values.put((float) value);
          }
        }
      }
    }
    long[] shape = {images.size(), image.channels(), image.height(), image.width()};
    return OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), values.flip(), shape);
  }
}
