package dev.offramp.models;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Reads a BERT encoder from Hugging Face's safetensors, with or without a prefix such as {@code
 * bert.} before the names. The number of heads, epsilon and activation cannot be seen in the
 * tensors, so Hugging Face's config.json must lie beside the file. Tensors beyond the encoder
 * (pooler, heads) are left out, further ones of the encoder are refused: BERT does not compute with
 * them. Norms may have their older names {@code gamma} and {@code beta}, which {@code
 * bert-base-uncased} has kept.
 */
final class BertSafetensorsImporter {
  private static final long MAX_CONFIG_BYTES = 1 << 20;
  private static final String WORD_TABLE = "word_embeddings.weight";

  private BertSafetensorsImporter() {}

  /**
   * @throws InputException if the tensors are not those of a BERT encoder, or config.json is not
   *     beside them
   */
  static Backbone read(Path file, Arena arena) {
    SequencedMap<String, Tensor> all = Safetensors.open(file, arena).tensors();
    String prefix = prefix(file, all);
    BertArchitecture architecture = architecture(file);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    Set<String> left = new LinkedHashSet<>(all.keySet());
    BertTensors.backbone(architecture)
        .keySet()
        .forEach(name -> {
          String stored = prefix + (all.containsKey(prefix + name) ? name : older(name));
          Tensor tensor = all.get(stored);
          if (tensor == null) {
            throw InputException.in(
                file, prefix + name, "missing; config.json or the file is not complete");
          }
          left.remove(stored);
          tensors.put(name, Doubles.rounded(file, prefix + name, tensor, arena).named(name));
        });
    requireNoOthers(file, prefix, left);
    return new Backbone(architecture, tensors);
  }

  private static void requireNoOthers(Path file, String prefix, Set<String> left) {
    for (String name : left) {
      if (name.startsWith(prefix) && BertTensors.isWeight(name.substring(prefix.length()))) {
        throw InputException.in(
            file,
            name,
            "is a tensor of the encoder that BERT does not have, or of a layer beyond those in"
                + " config.json; merge an adapter into the weights and save them anew, or name"
                + " another model");
      }
      if (name.endsWith(WORD_TABLE)) {
        throw InputException.in(
            file, name, "is of a second encoder; save the one that is to be imported alone");
      }
    }
  }

  /**
   * What stands before all names.
   *
   * @throws InputException if there are no word embeddings
   */
  static String prefix(Path file, SequencedMap<String, Tensor> tensors) {
    return tensors.keySet().stream()
        .filter(name -> name.endsWith(BertTensors.WORD))
        .map(name -> name.substring(0, name.length() - BertTensors.WORD.length()))
        .findFirst()
        .orElseThrow(() ->
            InputException.in(
                file,
                BertTensors.WORD,
                "not found, so this is no BERT encoder, nor has it a residual network's "
                    + ResnetNames.FIRST
                    + " or "
                    + ResnetNames.HUB_FIRST
                    + "; name another model"));
  }

  private static String older(String name) {
    return name.replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta");
  }

  private static BertArchitecture architecture(Path file) {
    Path config = file.resolveSibling(ModelDirectory.CONFIG);
    if (!Files.exists(config)) {
      throw InputException.in(
          config,
          null,
          "does not exist, so the number of heads is not known; put the model's Hugging Face"
              + " config.json beside its .safetensors");
    }
    Json json = Json.parse(config, Disk.readText(config, MAX_CONFIG_BYTES));
    // Relatives of BERT have the same tensors and compute something else with them.
    requireValue(json.field("model_type"), "bert");
    json.optional("position_embedding_type").ifPresent(type -> requireValue(type, "absolute"));
    json.optional("is_decoder")
        .filter(Json::bool)
        .ifPresent(decoder -> {
          throw decoder.error("is true, only encoders can be imported");
        });
    Json activation = json.field("hidden_act");
    if (!activation.string().equals("relu")) {
      requireValue(activation, "gelu");
    }
    BertArchitecture architecture =
        new BertArchitecture(
            json.field("num_hidden_layers").smallInteger(),
            json.field("hidden_size").smallInteger(),
            json.field("num_attention_heads").smallInteger(),
            json.field("intermediate_size").smallInteger(),
            json.field("vocab_size").smallInteger(),
            json.field("max_position_embeddings").smallInteger(),
            json.field("type_vocab_size").smallInteger(),
            // BERT's own config.json does not name it.
            json.optional("layer_norm_eps").map(Json::number).orElse(1e-12),
            activation.string());
    return ModelConfigCheck.checked(architecture, config);
  }

  private static void requireValue(Json json, String value) {
    if (!json.string().equals(value)) {
      throw json.error("is " + json.string() + ", only " + value + " can be imported");
    }
  }
}
