package dev.offramp.models;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;

/** A BERT of two layers that is quick to write and has every kind of tensor. */
final class TinyModel {
  static final BertArchitecture ARCHITECTURE =
      new BertArchitecture(2, 8, 2, 12, 7, 16, 2, 1e-12, "gelu");
  static final Head HEAD = Head.ofText("mean", "top1");
  static final List<String> LABELS = List.of("no", "yes", "maybe");
  static final List<Exit> EXITS = List.of(new Exit(1, HEAD), new Exit(2, HEAD));
  static final ModelConfig CONFIG =
      new ModelConfig(
          1,
          "bert",
          "tiny",
          ARCHITECTURE,
          new TextPreprocessing("wordpiece", 16),
          LABELS,
          EXITS,
          "a test");
  static final String TOKENIZER =
      """
      {"version": "1.0",
       "added_tokens": [
         {"id": 0, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false,
          "normalized": false, "special": true}],
       "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
         "strip_accents": null, "lowercase": true},
       "pre_tokenizer": {"type": "BertPreTokenizer"},
       "post_processor": {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
           {"Sequence": {"id": "A", "type_id": 0}},
           {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
         "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [0], "tokens": ["[CLS]"]},
           "[SEP]": {"id": "[SEP]", "ids": [1], "tokens": ["[SEP]"]}}},
       "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
         "max_input_chars_per_word": 100,
         "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "a": 3, "b": 4, "##b": 5, "abc": 6}}}
      """;

  private TinyModel() {}

  static byte[] tokenizer() {
    return TOKENIZER.getBytes(StandardCharsets.UTF_8);
  }

  /** Random weights of a config, the same every time. */
  static SequencedMap<String, Tensor> tensors(ModelConfig config) {
    Random random = new Random(1);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    ModelTensors.all(config)
        .forEach((name, shape) -> tensors.put(name, random(name, shape, random)));
    return tensors;
  }

  static Tensor random(String name, List<Long> shape, Random random) {
    long[] sizes = shape.stream().mapToLong(i -> i).toArray();
    float[] values = new float[(int) shape.stream().mapToLong(i -> i).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.ofFloats(name, values, sizes);
  }

  static void write(Path directory) {
    ModelDirectory.write(directory, CONFIG, tensors(CONFIG), tokenizer(), false);
  }

  /** Writes the backbone as Hugging Face publishes one; returns the weights file. */
  static Path writeHuggingFace(Path directory, String prefix) throws IOException {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors(backbone()).forEach((name, tensor) -> tensors.put(prefix + name, tensor));
    tensors.put(prefix + "pooler.dense.bias", Tensor.ofFloats("pooler", new float[8], 8));
    Path file = directory.resolve("tiny.safetensors");
    Safetensors.write(file, tensors, Map.of("format", "pt"));
    Files.write(directory.resolve("tokenizer.json"), tokenizer());
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2,
         "intermediate_size": 12, "vocab_size": 7, "max_position_embeddings": 16,
         "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}
        """);
    return file;
  }

  /** The same encoder without heads. */
  static ModelConfig backbone() {
    return CONFIG.withExits("tiny backbone", List.of(), List.of());
  }

  static float[] floats(Tensor tensor) {
    return tensor.toFloats();
  }
}
