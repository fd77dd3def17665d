package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That ONNX Runtime computes the same is tested where it is at hand, in runtime's bench. */
class OnnxExporterTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"gelu", "relu"})
  void whatWasExportedIsImportedBitForBit(String activation) {
    BertArchitecture a = TinyModel.ARCHITECTURE;
    BertArchitecture architecture =
        new BertArchitecture(
            a.layers(),
            a.hiddenSize(),
            a.heads(),
            a.intermediateSize(),
            a.vocabSize(),
            a.maxPositions(),
            a.typeVocabSize(),
            a.layerNormEpsilon(),
            activation);
    ModelConfig c = TinyModel.CONFIG;
    ModelConfig config =
        new ModelConfig(
            c.format(),
            c.family(),
            c.name(),
            architecture,
            c.preprocessing(),
            c.labels(),
            c.exits(),
            c.source());
    Path path = folder.resolve("model");
    ModelDirectory.write(path, config, TinyModel.tensors(config), TinyModel.tokenizer(), false);
    Path file = folder.resolve("model.onnx");
    try (ModelDirectory model = ModelDirectory.open(path);
        Arena arena = Arena.ofConfined()) {
      OnnxExporter.write(model, OnnxExporter.whole(config), file);
      Backbone read = BertOnnxImporter.read(file, arena);
      assertThat(read.architecture()).isEqualTo(architecture);
      assertThat(read.tensors().sequencedKeySet())
          .containsExactlyElementsOf(BertTensors.backbone(architecture).sequencedKeySet());
      read.tensors()
          .forEach((name, tensor) -> {
            assertThat(tensor.shape()).as(name).isEqualTo(model.tensor(name).shape());
            assertThat(tensor.data().mismatch(model.tensor(name).data())).as(name).isEqualTo(-1);
          });
    }
  }

  @Test
  void segmentsAreCutAtTheExits() {
    assertThat(OnnxExporter.segments(TinyModel.CONFIG))
        .containsExactly(new OnnxExporter.Segment(0, 1, 0), new OnnxExporter.Segment(1, 2, 1));
    assertThat(OnnxExporter.whole(TinyModel.CONFIG)).isEqualTo(new OnnxExporter.Segment(0, 2, 1));
    assertThat(OnnxExporter.whole(TinyModel.backbone()))
        .isEqualTo(new OnnxExporter.Segment(0, 2, -1));
  }

  @Test
  void moreThanTwoGigabytesAreRefusedBeforeAnythingIsWritten() {
    Path file = folder.resolve("large.onnx");
    try (Arena arena = Arena.ofConfined()) {
      // Never written to or read, so it takes up no memory.
      long rows = 1L << 19;
      Tensor half =
          new Tensor("half", TensorType.F32, List.of(rows, 512L), arena.allocate(rows * 2048));
      OnnxGraphWriter graph = new OnnxGraphWriter(OnnxType.F32);
      graph.weight(half);
      graph.weight(half.named("other half"));
      assertThatThrownBy(() -> graph.writeTo(file, "large"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("large.onnx: would be 2,147,483,7")
          .hasMessageContaining("an ONNX file holds 2 GB; export a smaller model");
    }
    assertThat(file).doesNotExist();
  }
}
