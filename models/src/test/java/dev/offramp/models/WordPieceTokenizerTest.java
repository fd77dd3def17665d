package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares with Hugging Face's own library (through DJL's binding), id by id. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WordPieceTokenizerTest {
  private static final int PLENTY = 1 << 20;

  @TempDir Path temp;
  private String json;

  @BeforeAll
  void readJson(@TempDir Path unpacked) throws IOException {
    json = JsonParser.parseString(Files.readString(TestModels.tokenizer(unpacked))).toString();
  }

  @Test
  void agreesOnRealTexts() throws IOException {
    List<String> texts = new ArrayList<>(SampleTexts.ODD);
    texts.addAll(SampleTexts.real());
    assertThat(texts).hasSizeGreaterThan(500);
    assertSameIds(json, texts);
  }

  @Test
  void agreesOnRandomTexts() throws IOException {
    long seed = System.nanoTime();
    System.err.println("WordPieceTokenizerTest.agreesOnRandomTexts: seed " + seed);
    assertSameIds(json, SampleTexts.random(new Random(seed), 2_000));
  }

  @Test
  void agreesOnAllMarksAndPunctuationAndASampleOfAllCharacters() throws IOException {
    List<String> texts = new ArrayList<>();
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      int type = Character.getType(c);
      boolean interesting =
          type == Character.NON_SPACING_MARK
              || type == Character.FORMAT
              || type == Character.OTHER_PUNCTUATION;
      boolean character = c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE;
      if (character && (interesting || c % 499 == 0)) {
        texts.add("a" + Character.toString(c) + "b");
      }
    }
    assertSameIds(json, texts);
  }

  /** Flags of the normalizer: clean_text, handle_chinese_chars, strip_accents, lowercase. */
  @ParameterizedTest
  @CsvSource({
    "true, true, false, false",
    "true, true, null, false",
    "true, true, true, false",
    "true, true, false, true",
    "true, false, null, true",
    "false, true, null, true",
    "false, false, false, false",
  })
  void agreesWithOtherFlags(String clean, String chinese, String accents, String lowercase)
      throws IOException {
    String flags =
        json.replace("\"clean_text\":true", "\"clean_text\":" + clean)
            .replace("\"handle_chinese_chars\":true", "\"handle_chinese_chars\":" + chinese)
            .replace("\"strip_accents\":null", "\"strip_accents\":" + accents)
            .replace("\"lowercase\":true", "\"lowercase\":" + lowercase);
    List<String> texts = new ArrayList<>(SampleTexts.ODD);
    texts.addAll(SampleTexts.random(new Random(7), 200));
    assertSameIds(flags, texts);
  }

  @Test
  void agreesWithOtherModelSettings() throws IOException {
    String settings =
        json.replace("\"max_input_chars_per_word\":100", "\"max_input_chars_per_word\":7")
            .replace("\"unk_token\":\"[UNK]\"", "\"unk_token\":\"the\"")
            .replace("\"##", "\"@@");
    assertThat(settings.equals(json)).isFalse();
    assertSameIds(settings, SampleTexts.ODD);
  }

  /** Every option of added tokens at random, in texts full of them, by every kind of normalizer. */
  @Test
  void agreesOnAddedTokens() throws IOException {
    long seed = Long.getLong("offramp.seed", System.nanoTime());
    System.err.println("WordPieceTokenizerTest.agreesOnAddedTokens: seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 12; i++) {
      String flags =
          json.replace("\"clean_text\":true", "\"clean_text\":" + (random.nextInt(4) > 0))
              .replace("\"strip_accents\":null", "\"strip_accents\":" + (random.nextInt(3) > 0))
              .replace("\"lowercase\":true", "\"lowercase\":" + (random.nextInt(3) > 0));
      JsonObject changed = JsonParser.parseString(flags).getAsJsonObject();
      List<String> tokens = SampleTexts.addTokens(random, changed);
      List<String> texts = new ArrayList<>();
      Stream.generate(() -> SampleTexts.holding(random, tokens)).limit(100).forEach(texts::add);
      texts.add(String.join("", texts)); // So that some cross what is normalised at a time.
      assertSameIds(changed.toString(), texts);
    }
  }

  /** As older libraries wrote them: no type of the model, [CLS] and [SEP] named as a pair each. */
  @Test
  void agreesWithOlderFiles() throws IOException {
    JsonObject older = JsonParser.parseString(json).getAsJsonObject();
    older.getAsJsonObject("model").remove("type");
    older.add(
        "post_processor",
        JsonParser.parseString(
            "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",102],\"cls\":[\"[CLS]\",101]}"));
    assertSameIds(older.toString(), SampleTexts.ODD);
    String broken = older.toString().replace("\"cls\":[\"[CLS]\",101]", "\"cls\":[101]");
    Path file = Files.writeString(temp.resolve("broken.json"), broken);
    assertThatThrownBy(() -> WordPieceTokenizer.read(file))
        .hasMessageContaining("$.post_processor.cls: is not a token and its id");
  }

  private void assertSameIds(String tokenizerJson, List<String> texts) throws IOException {
    Path file = Files.writeString(temp.resolve("tokenizer.json"), tokenizerJson);
    WordPieceTokenizer ours = WordPieceTokenizer.read(file);
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.builder()
            .optTokenizerPath(file)
            .optTruncation(false)
            .optPadding(false)
            .build()) {
      for (String text : texts) {
        int[] expected =
            Arrays.stream(theirs.encode(text).getIds()).mapToInt(Math::toIntExact).toArray();
        assertThat(ours.encode(text, PLENTY))
            .as(() -> SampleTexts.escaped(text))
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void cutsOffWhatDoesNotFit() throws IOException {
    WordPieceTokenizer tokenizer = tokenizer();
    String text = "unaffable words, [MASK] and embeddings";
    int[] all = tokenizer.encode(text, PLENTY);
    for (int limit = 2; limit <= all.length + 1; limit++) {
      int[] expected = Arrays.copyOf(all, Math.min(limit, all.length));
      expected[expected.length - 1] = 102;
      assertThat(tokenizer.encode(text, limit)).isEqualTo(expected);
    }
    assertThatThrownBy(() -> tokenizer.encode(text, 1)).hasMessageContaining("special tokens");
  }

  @Test
  void loneSurrogatesCountAsReplacementCharacters() throws IOException {
    WordPieceTokenizer tokenizer = tokenizer();
    int[] expected = tokenizer.encode("ab \ufffdc\ufffd", PLENTY);
    assertThat(tokenizer.encode("a\ud800b \udc00c\ud83d", PLENTY)).isEqualTo(expected);
  }

  /** Long enough that anything quadratic would take minutes; some reach no token limit at all. */
  @Test
  void fourMegabytesAreQuick() throws IOException {
    WordPieceTokenizer tokenizer = tokenizer();
    int size = 4 << 20;
    List<String> texts =
        List.of(
            "a".repeat(size),
            " [".repeat(size / 2),
            "\u0301\u0316".repeat(size / 2),
            "\u0000\ud800".repeat(size / 2));
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> texts.forEach(text -> assertThat(tokenizer.encode(text, 64)).hasSizeBetween(2, 64)));
  }

  @Test
  void aLongTextIsReadOnlyAsFarAsNeeded() throws IOException {
    WordPieceTokenizer tokenizer = tokenizer();
    String text = "word [SEP] ".repeat(1 << 20);
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> {
          for (int i = 0; i < 10_000; i++) {
            tokenizer.encode(text, 64);
          }
        });
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"type\":\"WordPiece\",\"unk|\"type\":\"BPE\",\"unk|$.model.type",
        "\"max_input_chars_per_word\":100|\"merges\":[]|$.model.max_input_chars_per_word",
        "\"direction\":\"Right\"|\"direction\":\"Left\"|$.truncation.direction",
        "\"BertNormalizer\"|\"Lowercase\"|$.normalizer.type",
        "\"normalizer\":|\"normaliser\":|$.normalizer.type",
        "\"clean_text\":true|\"clean_text\":1|$.normalizer.clean_text",
        "\"BertPreTokenizer\"|\"Whitespace\"|$.pre_tokenizer.type",
        "\"TemplateProcessing\"|\"ByteLevel\"|$.post_processor.type",
        "\"unk_token\":\"[UNK]\"|\"unk_token\":\"nope!\"|$.model.unk_token",
        "\"[unused0]\":1|\"[unused0]\":0|$.model.vocab.[unused0]",
        "\"[unused0]\":1|\"[unused0]\":-1|$.model.vocab.[unused0]",
        "\"[unused0]\":1|\"[unused0]\":1e99|$.model.vocab.[unused0]",
        "max_input_chars_per_word\":100|max_input_chars_per_word\":0|max_input_chars_per_word",
        "\"single_word\":false|\"single_word\":1|$.added_tokens[0].single_word",
        "\"id\":0,\"content\":\"[PAD]\"|\"id\":1,\"content\":\"[PAD]\"|$.added_tokens[0].id",
        "\"id\":0,\"content\":\"[PAD]\"|\"id\":0,\"content\":\"new\"|$.added_tokens[0].id",
        "\"content\":\"[UNK]\"|\"content\":\"[PAD]\"|$.added_tokens[1].content",
        "\"[CLS]\",\"type_id\":0|\"[CLS]\",\"type_id\":1|$.post_processor.single[0].SpecialToken.type_id",
        "\"A\",\"type_id\":0|\"A\",\"type_id\":1|$.post_processor.single[1].Sequence.type_id",
        "\"ids\":[101]|\"ids\":[999999]|$.post_processor.special_tokens.[CLS].ids[0]",
        "\"ids\":[101]|\"ids\":[101,101]|$.post_processor",
        "\"ids\":[101]|\"ids\":[]|$.post_processor",
        "\"ids\":[102]|\"ids\":[]|$.post_processor",
      })
  void namesWhatItDoesNotSupport(String original, String changed, String field) throws IOException {
    assertThat(json.contains(original)).isTrue();
    Path file =
        Files.writeString(
            temp.resolve("changed.json"),
            json.replaceFirst(Pattern.quote(original), Matcher.quoteReplacement(changed)));
    assertThatThrownBy(() -> WordPieceTokenizer.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("changed.json: ")
        .hasMessageContaining(field)
        .hasMessageContaining("; ");
  }

  /** They are BPE or Unigram, which have other fields. */
  @Test
  void takesNoModelWithoutATypeForWordPieceUnlessItHasItsFields() throws IOException {
    JsonObject untyped = JsonParser.parseString(json).getAsJsonObject();
    untyped.add("model", JsonParser.parseString("{\"unk_id\":0,\"vocab\":[[\"a\",0]]}"));
    Path file = Files.writeString(temp.resolve("untyped.json"), untyped.toString());
    assertThatThrownBy(() -> WordPieceTokenizer.read(file))
        .hasMessageContaining("$.model.type: is missing, but only WordPiece is supported; ");
  }

  /** The last would be dropped by Hugging Face's library, or not, by what stands before it. */
  @ParameterizedTest
  @CsvSource({
    "'', special, leaves nothing",
    "'\u200b', normalized, leaves nothing",
    "'\n', lstrip, is white space",
  })
  void refusesAddedTokensThatNoTextHolds(String content, String option, String problem)
      throws IOException {
    JsonObject changed = JsonParser.parseString(json).getAsJsonObject();
    JsonObject token = changed.getAsJsonArray("added_tokens").get(0).getAsJsonObject().deepCopy();
    token.addProperty("id", 30522);
    token.addProperty("content", content);
    token.addProperty(option, true);
    changed.getAsJsonArray("added_tokens").add(token);
    Path file = Files.writeString(temp.resolve("token.json"), changed.toString());
    assertThatThrownBy(() -> WordPieceTokenizer.read(file))
        .hasMessageContaining("$.added_tokens[5].content: " + problem);
  }

  private WordPieceTokenizer tokenizer() throws IOException {
    return WordPieceTokenizer.read(Files.writeString(temp.resolve("plain.json"), json));
  }
}
