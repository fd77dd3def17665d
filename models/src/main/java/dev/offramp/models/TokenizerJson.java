package dev.offramp.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a Hugging Face tokenizer.json says about a WordPiece tokenizer.
 *
 * @param rules how a text is normalised
 * @param added tokens found in the raw text before anything else
 * @param addedNormalized tokens found in what is between those, once it is normalised
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
    AddedTokens added,
    AddedTokens addedNormalized,
    Map<String, Integer> vocabulary,
    int unknown,
    String continuation,
    int maxWordLength,
    int longestToken,
    int[] prefix,
    int[] suffix,
    int vocabSize) {
  private static final String MAX_WORD = "max_input_chars_per_word";
  static final long MAX_BYTES = 64 << 20;
  private static final int MAX_ID = 1 << 24;
  private static final int MAX_WORD_LENGTH = 10_000;

  /**
   * @param file where the text was read, for errors
   */
  static TokenizerJson parse(Path file, String text) {
    Json root = Json.parse(file, text);
    Json model = root.field("model");
    // Files of older libraries have no type here; that field is in none but WordPiece's.
    if (model.optional("type").isPresent() || model.optional(MAX_WORD).isEmpty()) {
      part(root, "model", "WordPiece");
    }
    root.optional("truncation")
        .map(truncation -> truncation.field("direction"))
        .filter(direction -> !direction.string().equals("Right"))
        .ifPresent(direction -> {
          throw direction.error(
              "is " + direction.string() + ", but long texts lose their end here; set it to Right");
        });
    BertText rules = rules(part(root, "normalizer", "BertNormalizer"));
    part(root, "pre_tokenizer", "BertPreTokenizer");
    Map<String, Integer> vocabulary = vocabulary(model.field("vocab"));
    List<AddedTokens.Token> added = new ArrayList<>();
    List<AddedTokens.Token> addedNormalized = new ArrayList<>();
    added(root.field("added_tokens"), vocabulary, rules, added, addedNormalized);
    Json unknownToken = model.field("unk_token");
    Integer unknown = vocabulary.get(unknownToken.string());
    if (unknown == null) {
      throw unknownToken.error(
          unknownToken.string() + " is not in $.model.vocab; name the token for unknown words");
    }
    Json maxWord = model.field(MAX_WORD);
    int maxWordLength = maxWord.smallInteger();
    if (maxWordLength < 1 || maxWordLength > MAX_WORD_LENGTH) {
      throw maxWord.error(maxWordLength + " is out of range; use 1 to " + MAX_WORD_LENGTH);
    }
    int vocabSize =
        1
            + Stream.concat(
                    vocabulary.values().stream(),
                    Stream.of(added, addedNormalized).flatMap(List::stream).map(t -> t.id()))
                .mapToInt(i -> i)
                .max()
                .orElseThrow();
    List<Integer> prefix = new ArrayList<>();
    List<Integer> suffix = new ArrayList<>();
    frame(
        part(root, "post_processor", "TemplateProcessing", "BertProcessing"),
        vocabSize,
        prefix,
        suffix);
    return new TokenizerJson(
        rules,
        new AddedTokens(added),
        new AddedTokens(addedNormalized),
        vocabulary,
        unknown,
        model.field("continuing_subword_prefix").string(),
        maxWordLength,
        vocabulary.keySet().stream().mapToInt(String::length).max().orElseThrow(),
        prefix.stream().mapToInt(i -> i).toArray(),
        suffix.stream().mapToInt(i -> i).toArray(),
        vocabSize);
  }

  /** A part of the file, which must be of one of the types. */
  private static Json part(Json root, String name, String... types) {
    Optional<Json> part = root.optional(name);
    String type = part.flatMap(p -> p.optional("type")).map(Json::string).orElse("missing");
    if (!List.of(types).contains(type)) {
      throw InputException.in(
          root.file(),
          "$." + name + ".type",
          "is "
              + type
              + ", but only "
              + String.join(" or ", types)
              + " is supported; use a model with BERT's own kind of tokenizer");
    }
    return part.get();
  }

  private static BertText rules(Json normalizer) {
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

  /**
   * Reads the tokens that are found in the raw text and those that are found in the normalised one.
   * Of two of the latter that are the same once normalised, a special one comes first.
   */
  private static void added(
      Json tokens,
      Map<String, Integer> vocabulary,
      BertText rules,
      List<AddedTokens.Token> raw,
      List<AddedTokens.Token> normalized) {
    Set<String> seen = new HashSet<>();
    int nextId = vocabulary.size();
    int special = 0;
    for (Json json : tokens.list()) {
      Json content = json.field("content");
      String text = content.string();
      if (!seen.add(text)) {
        throw content.error("is given twice; remove one");
      }
      // The library takes no notice of the id in the file.
      Json id = json.field("id");
      int expected = vocabulary.containsKey(text) ? vocabulary.get(text) : nextId++;
      if (id(id) != expected) {
        throw id.error(
            "is "
                + id(id)
                + " but Hugging Face's library gives the token "
                + expected
                + ", its id in the vocabulary or the next after it; restore the file");
      }
      boolean isSpecial = json.field("special").bool();
      if (json.field("normalized").bool()) {
        StringBuilder normal = new StringBuilder();
        rules.normalise(text, 0, text.length(), normal);
        AddedTokens.Token token = token(json, normal.toString(), expected);
        normalized.add(isSpecial ? special++ : normalized.size(), token);
      } else {
        raw.add(token(json, text, expected));
      }
    }
  }

  private static AddedTokens.Token token(Json json, String text, int id) {
    if (text.isEmpty()) {
      throw json.field("content").error("leaves nothing to look for in a text; remove the token");
    }
    boolean lstrip = json.field("lstrip").bool();
    boolean rstrip = json.field("rstrip").bool();
    if ((lstrip || rstrip) && text.chars().allMatch(BertCharacters::isWhitespace)) {
      throw json.field("content")
          .error("is white space, which cannot strip white space; set lstrip and rstrip to false");
    }
    return new AddedTokens.Token(text, id, json.field("single_word").bool(), lstrip, rstrip);
  }

  /** Reads which special tokens stand before and after a single text. */
  private static void frame(
      Json processor, int vocabSize, List<Integer> prefix, List<Integer> suffix) {
    if (processor.field("type").string().equals("BertProcessing")) {
      prefix.add(known(token(processor.field("cls")), vocabSize));
      suffix.add(known(token(processor.field("sep")), vocabSize));
      return;
    }
    Json specials = processor.field("special_tokens");
    List<Integer> ids = prefix;
    for (Json item : processor.field("single").list()) {
      Optional<Json> special = item.optional("SpecialToken");
      requireTypeZero(special.orElseGet(() -> item.field("Sequence")));
      if (special.isPresent()) {
        String name = special.get().field("id").string();
        for (Json id : specials.field(name).field("ids").list()) {
          ids.add(known(id, vocabSize));
        }
      } else if (ids == prefix) {
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

  /** All tokens are of type 0 where a network is run. */
  private static void requireTypeZero(Json piece) {
    piece
        .optional("type_id")
        .filter(type -> type.integer() != 0)
        .ifPresent(type -> {
          throw type.error(
              "is "
                  + type.integer()
                  + ", but all tokens of a text get token type 0 here; use a model whose texts have"
                  + " type 0");
        });
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
