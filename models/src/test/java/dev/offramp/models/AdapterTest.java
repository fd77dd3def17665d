package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merges small adapters into a small backbone, through the importer. */
class AdapterTest {
  private static final String QUERY = "encoder.layer.1.attention.self.query";
  private static final String NORM_BIAS = "embeddings.LayerNorm.bias";
  private static final SequencedMap<String, Tensor> WEIGHTS =
      TinyModel.tensors(TinyModel.backbone());

  @TempDir Path temp;
  private Path source;
  private Path adapter;
  private Path out;
  private final SequencedMap<String, Tensor> deltas = new LinkedHashMap<>();
  private final Map<String, String> metadata = new HashMap<>();

  @BeforeEach
  void write() throws IOException {
    source = TinyModel.writeHuggingFace(temp, "bert.");
    adapter = temp.resolve("adapter.safetensors");
    out = temp.resolve("out");
    Random random = new Random(2);
    put(QUERY + ".lora_a", TensorType.F16, random, 3, 8);
    put(QUERY + ".lora_b", TensorType.F32, random, 8, 3);
    put(NORM_BIAS + ".delta", TensorType.F16, random, 8);
    for (int i = 0; i < 2; i++) {
      put("exits." + i + ".weight", TensorType.F16, random, 3, 8);
      put("exits." + i + ".bias", TensorType.F32, random, 3);
    }
    metadata.put(
        "exits",
        """
        [{"afterLayer": 1, "head": {"type": "linear", "pooling": "mean", "confidence": "top1"}},
         {"afterLayer": 2, "head": {"type": "linear", "pooling": "mean", "confidence": "top1"}}]
        """);
    metadata.put("labels", "[\"no\", \"yes\", \"maybe\"]");
  }

  private void put(String name, TensorType type, Random random, long... shape) {
    Tensor full = TinyModel.random(name, Tensor.boxed(shape), random);
    if (type == TensorType.F32) {
      deltas.put(name, full);
      return;
    }
    ByteBuffer half = ByteBuffer.allocate((int) full.elements() * 2).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : TinyModel.floats(full)) {
      half.putShort(Float.floatToFloat16(value));
    }
    deltas.put(name, new Tensor(name, type, full.shape(), MemorySegment.ofBuffer(half.flip())));
  }

  @Test
  void addsLowRankProductsAndDeltasAndBringsTheHeads() {
    metadata.put("name", "routing");
    metadata.put("maxTokens", "9");
    ModelConfig config = importAdapted();
    assertThat(config.name()).isEqualTo("routing");
    assertThat(config.longestRow()).isEqualTo(9);
    assertThat(config.labels()).isEqualTo(TinyModel.LABELS);
    assertThat(config.exits()).isEqualTo(TinyModel.EXITS);
    assertThat(config.source()).isEqualTo("tiny.safetensors + adapter.safetensors");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config()).isEqualTo(config);
      Tensor merged = model.tensor(QUERY + ".weight");
      Tensor base = WEIGHTS.get(QUERY + ".weight");
      for (int o = 0; o < 8; o++) {
        for (int i = 0; i < 8; i++) {
          double expected = base.floatAt(o * 8 + i);
          for (int r = 0; r < 3; r++) {
            expected +=
                (double) deltas.get(QUERY + ".lora_b").floatAt(o * 3 + r)
                    * deltas.get(QUERY + ".lora_a").floatAt(r * 8 + i);
          }
          assertThat((double) merged.floatAt(o * 8 + i)).isCloseTo(expected, within(1e-5));
        }
      }
      for (int i = 0; i < 8; i++) {
        float expected =
            WEIGHTS.get(NORM_BIAS).floatAt(i) + deltas.get(NORM_BIAS + ".delta").floatAt(i);
        assertThat(model.tensor(NORM_BIAS).floatAt(i)).isEqualTo(expected);
      }
      assertThat(TinyModel.floats(model.tensor("exits.1.weight")))
          .isEqualTo(TinyModel.floats(deltas.get("exits.1.weight")));
      assertThat(TinyModel.floats(model.tensor(QUERY + ".bias")))
          .isEqualTo(TinyModel.floats(WEIGHTS.get(QUERY + ".bias")));
    }
  }

  @Test
  void optionsComeBeforeTheAdapter() {
    metadata.put("name", "routing");
    metadata.put("maxTokens", "9");
    Safetensors.write(adapter, deltas, metadata);
    ModelConfig config =
        Importer.importModel(
            source.toString(),
            out,
            ImportOptions.defaults().withAdapter(adapter).withName("mine").withMaxTokens(7));
    assertThat(config.name()).isEqualTo("mine");
    assertThat(config.longestRow()).isEqualTo(7);
  }

  @Test
  void namesShapesThatDoNotFit() {
    put(QUERY + ".lora_a", TensorType.F32, new Random(1), 3, 7);
    refuses(QUERY + ".lora_a: [3, 7] and lora_b [8, 3] do not fit " + QUERY + ".weight [8, 8]");
    put(QUERY + ".lora_a", TensorType.F32, new Random(1), 2, 8);
    refuses(QUERY + ".lora_a: [2, 8] and lora_b [8, 3]");
    deltas.remove(QUERY + ".lora_a");
    refuses(QUERY + ".lora_b: has no " + QUERY + ".lora_a");
    deltas.remove(QUERY + ".lora_b");
    put(NORM_BIAS + ".delta", TensorType.F32, new Random(1), 9);
    refuses(NORM_BIAS + ".delta: [9] does not fit");
    deltas.remove(NORM_BIAS + ".delta");
    put("exits.1.weight", TensorType.F32, new Random(1), 4, 8);
    refuses("exits.1.weight: has shape [4, 8]");
  }

  @Test
  void namesTensorsThatBelongNowhere() {
    put("encoder.layer.2.output.dense.bias.delta", TensorType.F32, new Random(1), 8);
    refuses("the backbone has no encoder.layer.2.output.dense.bias");
    deltas.remove("encoder.layer.2.output.dense.bias.delta");
    put("stray", TensorType.F32, new Random(1), 8);
    refuses("stray: is neither a delta nor an exit head");
    deltas.remove("stray");
    put("exits.7.bias", TensorType.F32, new Random(1), 3);
    refuses("exits.7.bias: is not a tensor of this model");
    deltas.remove("exits.7.bias");
    deltas.remove("exits.0.bias");
    refuses("exits.0.bias: missing");
  }

  @Test
  void namesMetadataThatIsMissingOrWrong() {
    String exits = metadata.remove("exits");
    refuses("__metadata__.exits: missing");
    metadata.put("exits", "[{\"afterLayer\": 1}]");
    refuses("__metadata__.exits[0].head: missing");
    metadata.put("exits", exits);
    metadata.put("labels", "no, yes");
    refuses("not valid JSON");
    metadata.put("labels", "[\"no\", \"yes\", \"maybe\"]");
    metadata.put("maxTokens", "many");
    refuses("not valid JSON");
    metadata.put("maxTokens", "99");
    refuses("$.preprocessing.maxTokens: 99 is out of range");
  }

  @Test
  void fitsOnlyTheArtifactItWasTrainedOn() {
    metadata.put("backbone", TestModels.MINILM);
    Safetensors.write(adapter, deltas, metadata);
    assertThatThrownBy(() ->
            Importer.importModel(
                TestModels.MINILM_INT8, out, ImportOptions.defaults().withAdapter(adapter)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("it was trained on " + TestModels.MINILM);
  }

  private ModelConfig importAdapted() {
    Safetensors.write(adapter, deltas, metadata);
    return Importer.importModel(
        source.toString(), out, ImportOptions.defaults().withAdapter(adapter));
  }

  private void refuses(String message) {
    assertThatThrownBy(this::importAdapted)
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
    assertThat(Files.exists(out)).isFalse();
  }
}
