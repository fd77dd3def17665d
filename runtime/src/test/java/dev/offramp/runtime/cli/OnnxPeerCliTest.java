package dev.offramp.runtime.cli;

import static dev.offramp.runtime.cli.Offramp.offramp;
import static dev.offramp.runtime.cli.Offramp.words;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtEnvironment;
import com.google.gson.JsonObject;
import dev.offramp.runtime.TinyModel;
import dev.offramp.runtime.cli.Offramp.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ONNX Runtime on a model that no artifact has the weights of. */
class OnnxPeerCliTest {
  @TempDir private Path folder;

  @Test
  void bothPeersRunTheModelsOwnWeights() throws IOException {
    TinyModel.write(folder.resolve("model"), 3, 2, 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(3, 40));
    Outcome outcome =
        offramp(
            words(
                folder,
                "bench --model ./model --input ./texts.txt --batch 8 --rounds 1 --threads 1"
                    + " --lambda 0.9 --modes full-depth,early-exit"
                    + " --against onnxruntime,onnxruntime-segmented --json"));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.err()).contains("onnxruntime: exported-from-the-model-directory.onnx");
    List<JsonObject> cases = outcome.cases();
    assertThat(cases)
        .extracting(line -> line.get("mode").getAsString())
        .containsExactly("full-depth", "early-exit", "onnxruntime", "onnxruntime-segmented");
    JsonObject early = cases.get(1);
    JsonObject segmented = cases.get(3);
    assertThat(segmented.get("meanDepth")).isEqualTo(early.get("meanDepth"));
    assertThat(segmented.get("meanDepth").getAsDouble()).isBetween(2.0, 3.999);
    assertThat(segmented.get("schedulerEfficiency").getAsDouble()).isPositive();
  }

  @Test
  void aFileOfAnotherNetworkIsNoComparison() throws IOException {
    TinyModel.write(folder.resolve("model"), 3, 2, 4);
    TinyModel.write(folder.resolve("other"), 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(3, 8));
    Outcome exported = offramp(words(folder, "export --model ./other --onnx ./other.onnx"));
    assertThat(exported.code()).as(exported.err()).isZero();
    Outcome outcome =
        offramp(
            words(
                folder,
                "bench --model ./model --input ./texts.txt --batch 8 --rounds 1 --threads 1"
                    + " --full-depth --against onnxruntime --onnx ./other.onnx --json"));
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.message())
        .contains("onnxruntime agrees with this runtime on 0 of")
        .contains("unless --onnx names an int8 file or that of another network");
    assertThat(outcome.out()).isEmpty();
  }

  /** Long enough to end ONNX Runtime where it starts on a thread with the usual stack. */
  @Test
  void aCommandLineMayBeLong() throws Exception {
    TinyModel.write(folder.resolve("model"), 3, 2, 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(3, 8));
    Outcome outcome =
        Offramp.process(
            folder,
            Map.of(),
            List.of("-Dofframp.warmUpSeconds=0.02", "-Dunused=" + "x".repeat(100_000)),
            words(
                folder,
                "bench --model ./model --input ./texts.txt --batch 8 --rounds 1 --threads 1"
                    + " --lambda 0.9 --modes full-depth --against onnxruntime --json"));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.cases()).hasSize(2);
  }

  /**
   * The build of ONNX Runtime for CUDA is looked for where it is kept; here it is the other one.
   */
  @Test
  void whatOnnxRuntimeLacksOfCudaIsTold() throws Exception {
    TinyModel.write(folder.resolve("model"), 3, 2, 4);
    Files.write(folder.resolve("texts.txt"), TinyModel.sentences(3, 8));
    Path kept =
        Files.createDirectories(
            folder.resolve(
                "onnxruntime-gpu-" + OrtEnvironment.class.getPackage().getImplementationVersion()));
    for (String name : List.of("onnxruntime", "onnxruntime4j_jni")) {
      String library = System.mapLibraryName(name);
      try (InputStream in =
          OrtEnvironment.class.getResourceAsStream("/ai/onnxruntime/native/linux-x64/" + library)) {
        Files.copy(in, kept.resolve(library));
      }
    }
    Outcome outcome =
        Offramp.process(
            folder,
            Map.of("OFFRAMP_CACHE", folder.toString()),
            List.of(),
            words(
                folder,
                "bench --model ./model --input ./texts.txt --batch 8 --rounds 1 --threads 1"
                    + " --lambda 0.9 --modes full-depth --against onnxruntime-cuda --json"));
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.message())
        .contains("--against onnxruntime-cuda: ONNX Runtime cannot compute on cuda:0")
        .contains("libcublasLt.so.12");
    assertThat(outcome.out()).isEmpty();
  }
}
