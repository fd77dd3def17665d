package dev.offramp.runtime;

import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.models.TextPreprocessing;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;

/** A random encoder small enough for unit tests, with a tokenizer of single-word tokens. */
public final class TinyModel {
  public static final int LAYERS = 4;
  public static final int HIDDEN = 24;
  public static final int MAX_TOKENS = 20;
  public static final List<String> LABELS = List.of("one", "two", "three");
  private static final int WORDS = 100;
  private static final int FIRST_WORD = 3;

  private TinyModel() {}

  /** Writes a model directory whose exits are after the given layers (none for a backbone). */
  public static Path write(Path out, long seed, int... afterLayers) {
    return write(out, seed, "gelu", Head.ofText("mean", "top1"), afterLayers);
  }

  /** The same weights for the same seed, whatever the activation and the kind of head. */
  public static Path write(Path out, long seed, String activation, Head head, int... afterLayers) {
    Random random = new Random(seed);
    BertArchitecture architecture =
        new BertArchitecture(LAYERS, HIDDEN, 3, 40, FIRST_WORD + WORDS, 32, 2, 1e-12, activation);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    add(tensors, random, 1, "embeddings.word_embeddings.weight", FIRST_WORD + WORDS, HIDDEN);
    add(tensors, random, 1, "embeddings.position_embeddings.weight", 32, HIDDEN);
    add(tensors, random, 1, "embeddings.token_type_embeddings.weight", 2, HIDDEN);
    norm(tensors, random, "embeddings.LayerNorm");
    for (int l = 0; l < LAYERS; l++) {
      String name = "encoder.layer." + l + ".";
      for (String part : List.of("query", "key", "value")) {
        linear(tensors, random, name + "attention.self." + part, HIDDEN, HIDDEN);
      }
      linear(tensors, random, name + "attention.output.dense", HIDDEN, HIDDEN);
      norm(tensors, random, name + "attention.output.LayerNorm");
      linear(tensors, random, name + "intermediate.dense", 40, HIDDEN);
      linear(tensors, random, name + "output.dense", HIDDEN, 40);
      norm(tensors, random, name + "output.LayerNorm");
    }
    List<Exit> exits = new ArrayList<>();
    for (int e = 0; e < afterLayers.length; e++) {
      exits.add(new Exit(afterLayers[e], head));
      add(tensors, random, 6, "exits." + e + ".weight", LABELS.size(), HIDDEN);
      add(tensors, random, 1, "exits." + e + ".bias", LABELS.size());
    }
    ModelConfig config =
        new ModelConfig(
            ModelConfig.FORMAT,
            "bert",
            "tiny",
            architecture,
            new TextPreprocessing("wordpiece", MAX_TOKENS),
            afterLayers.length == 0 ? List.of() : LABELS,
            exits,
            "random, seed " + seed);
    ModelDirectory.write(out, config, tensors, tokenizer(), true);
    return out;
  }

  /** Token ids of random sentences of 1 to {@link #MAX_TOKENS} tokens. */
  public static List<int[]> tokens(long seed, int count) {
    Random random = new Random(seed);
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(
          random.ints(1 + random.nextInt(MAX_TOKENS), FIRST_WORD, FIRST_WORD + WORDS).toArray());
    }
    return rows;
  }

  /** Random sentences of words that the tokenizer knows, one a line. */
  public static List<String> sentences(long seed, int count) {
    Random random = new Random(seed);
    List<String> sentences = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder sentence = new StringBuilder();
      for (int w = 0; w < 3 + random.nextInt(10); w++) {
        sentence.append(w == 0 ? "" : " ").append(word(random.nextInt(WORDS)));
      }
      sentences.add(sentence.toString());
    }
    return sentences;
  }

  private static String word(int number) {
    return "w" + (char) ('a' + number / 10) + (char) ('a' + number % 10);
  }

  private static void linear(
      SequencedMap<String, Tensor> tensors, Random random, String name, int out, int in) {
    add(tensors, random, 1.5 / Math.sqrt(in), name + ".weight", out, in);
    add(tensors, random, 0.1, name + ".bias", out);
  }

  private static void norm(SequencedMap<String, Tensor> tensors, Random random, String name) {
    float[] gamma = new float[HIDDEN];
    for (int i = 0; i < HIDDEN; i++) {
      gamma[i] = 0.5f + random.nextFloat();
    }
    tensors.put(name + ".weight", Tensor.ofFloats(name + ".weight", gamma, HIDDEN));
    add(tensors, random, 0.1, name + ".bias", HIDDEN);
  }

  static void add(
      SequencedMap<String, Tensor> tensors,
      Random random,
      double scale,
      String name,
      long... shape) {
    int size = 1;
    for (long s : shape) {
      size *= (int) s;
    }
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    tensors.put(name, Tensor.ofFloats(name, values, shape));
  }

  private static byte[] tokenizer() {
    StringBuilder vocabulary = new StringBuilder("\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2");
    for (int w = 0; w < WORDS; w++) {
      vocabulary.append(",\"%s\":%d".formatted(word(w), FIRST_WORD + w));
    }
    return """
    {"version":"1.0","truncation":null,"padding":null,
     "added_tokens":[
       {"id":0,"content":"[UNK]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
       {"id":1,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
       {"id":2,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
     "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
     "pre_tokenizer":{"type":"BertPreTokenizer"},
     "post_processor":{"type":"TemplateProcessing",
       "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
       "pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],
       "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[1],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[2],"tokens":["[SEP]"]}}},
     "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
     "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{%s}}}
    """
        .formatted(vocabulary)
        .getBytes(StandardCharsets.UTF_8);
  }
}
