package dev.offramp.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a Hugging Face tokenizer.json says about a WordPiece tokenizer.
 *
 * @param added tokens found in the raw text before anything else
 * @param addedPattern matches them, the longest first
 * @param vocabulary piece to id
 * @param unknown the id of a word that cannot be put together from pieces
 * @param continuation what marks a piece that does not start a word, usually ##
 * @param maxWordLength longer words, in code points, are unknown
 * @param longestToken length of the longest piece in chars
 * @param prefix ids before the text
 * @param suffix ids after the text
 * @param vocabSize one more than the largest id
 */
record TokenizerJson(
    BertText rules,
    Map<String, Integer> added,
    Pattern addedPattern,
    Map<String, Integer> vocabulary,
    int unknown,
    String continuation,
    int maxWordLength,
    int longestToken,
    int[] prefix,
    int[] suffix,
    int vocabSize) {
  private static final long MAX_BYTES = 64 << 20;
  private static final int MAX_ID = 1 << 24;
  private static final int MAX_WORD_LENGTH = 10_000;

  static TokenizerJson read(Path file) {
    Json root = Json.parse(file, Disk.readText(file, MAX_BYTES));
    requireType(root.field("pre_tokenizer"), "BertPreTokenizer");
    Json model = root.field("model");
    // Files of older libraries have no type here. Of the others, none has the fields read below.
    if (model.optional("type").isPresent()) {
      requireType(model, "WordPiece");
    }
    Map<String, Integer> vocabulary = vocabulary(model.field("vocab"));
    Map<String, Integer> added = added(root);
    Json unknownToken = model.field("unk_token");
    Integer unknown = vocabulary.get(unknownToken.string());
    if (unknown == null) {
      throw unknownToken.error("is not in the vocabulary; restore the file");
    }
    Json maxWord = model.field("max_input_chars_per_word");
    int maxWordLength = maxWord.smallInteger();
    if (maxWordLength < 1 || maxWordLength > MAX_WORD_LENGTH) {
      throw maxWord.error(maxWordLength + " is out of range; use 1 to " + MAX_WORD_LENGTH);
    }
    int vocabSize =
        1
            + Math.max(
                vocabulary.values().stream().mapToInt(i -> i).max().orElseThrow(),
                added.values().stream().mapToInt(i -> i).max().orElse(0));
    List<Integer> prefix = new ArrayList<>();
    List<Integer> suffix = new ArrayList<>();
    frame(root.field("post_processor"), vocabSize, prefix, suffix);
    return new TokenizerJson(
        rules(root.field("normalizer")),
        added,
        pattern(added),
        vocabulary,
        unknown,
        model.field("continuing_subword_prefix").string(),
        maxWordLength,
        vocabulary.keySet().stream().mapToInt(String::length).max().orElseThrow(),
        prefix.stream().mapToInt(i -> i).toArray(),
        suffix.stream().mapToInt(i -> i).toArray(),
        vocabSize);
  }

  private static void requireType(Json json, String type) {
    Json found = json.field("type");
    if (!found.string().equals(type)) {
      throw found.error(
          "is " + found.string() + "; only " + type + " is supported, use a BERT-family tokenizer");
    }
  }

  private static BertText rules(Json normalizer) {
    requireType(normalizer, "BertNormalizer");
    boolean lowercase = normalizer.field("lowercase").bool();
    return new BertText(
        normalizer.field("clean_text").bool(),
        normalizer.field("handle_chinese_chars").bool(),
        normalizer.optional("strip_accents").map(Json::bool).orElse(lowercase),
        lowercase);
  }

  private static Map<String, Integer> vocabulary(Json json) {
    Map<String, Integer> vocabulary = new HashMap<>();
    Map<Integer, String> tokens = new HashMap<>();
    json.fields()
        .forEach((token, value) -> {
          int id = id(value);
          if (tokens.put(id, token) != null) {
            throw value.error("id " + id + " is given twice; restore the file");
          }
          vocabulary.put(token, id);
        });
    if (vocabulary.isEmpty()) {
      throw json.error("is empty; restore the file");
    }
    return vocabulary;
  }

  private static int id(Json json) {
    int id = json.smallInteger();
    if (id < 0 || id >= MAX_ID) {
      throw json.error(id + " is not a possible token id; restore the file");
    }
    return id;
  }

  /** Tokens with options beyond plain text matching would need rules that no BERT model uses. */
  private static Map<String, Integer> added(Json root) {
    Map<String, Integer> added = new HashMap<>();
    for (Json token : root.field("added_tokens").list()) {
      for (String option : List.of("single_word", "lstrip", "rstrip", "normalized")) {
        if (token.field(option).bool()) {
          throw token.field(option).error("is not supported; set it to false");
        }
      }
      Json content = token.field("content");
      if (content.string().isEmpty()) {
        throw content.error("is empty; remove the token");
      }
      added.put(content.string(), id(token.field("id")));
    }
    return added;
  }

  private static Pattern pattern(Map<String, Integer> added) {
    if (added.isEmpty()) {
      return Pattern.compile("(?!)"); // Matches nothing.
    }
    return Pattern.compile(
        added.keySet().stream()
            .sorted(Comparator.comparing(String::length).reversed())
            .map(Pattern::quote)
            .collect(Collectors.joining("|")));
  }

  /** Reads which special tokens stand before and after a single text. */
  private static void frame(
      Json processor, int vocabSize, List<Integer> prefix, List<Integer> suffix) {
    if (processor.field("type").string().equals("BertProcessing")) {
      prefix.add(known(token(processor.field("cls")), vocabSize));
      suffix.add(known(token(processor.field("sep")), vocabSize));
      return;
    }
    requireType(processor, "TemplateProcessing");
    Json specials = processor.field("special_tokens");
    List<Integer> ids = prefix;
    for (Json item : processor.field("single").list()) {
      if (item.optional("SpecialToken").isPresent()) {
        String name = item.field("SpecialToken").field("id").string();
        for (Json id : specials.field(name).field("ids").list()) {
          ids.add(known(id, vocabSize));
        }
      } else if (ids == prefix) {
        item.field("Sequence");
        ids = suffix;
      } else {
        throw item.error("is a second sequence; use a BERT-family tokenizer");
      }
    }
    if (prefix.size() != 1 || suffix.size() != 1) {
      throw processor.error(
          "adds not just [CLS] before the text and [SEP] after it; use a BERT-family tokenizer");
    }
  }

  /** The id of a pair of a special token's text and id. */
  private static Json token(Json pair) {
    if (pair.list().size() != 2) {
      throw pair.error("is not a token and its id; restore the file");
    }
    return pair.list().getLast();
  }

  private static int known(Json id, int vocabSize) {
    if (id(id) >= vocabSize) {
      throw id.error("is not in the vocabulary; restore the file");
    }
    return id(id);
  }
}
