package dev.offramp.models;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;

/** Texts that tokenizers disagree on, and ordinary ones. */
final class SampleTexts {
  private static final String[] WORDS = {"the", "ing", "Über", "[SEP]", "北", "한", "un"};

  private SampleTexts() {}

  static final List<String> ODD =
      List.of(
          "",
          " ",
          "\t\r\n",
          "Hello, World!",
          "unaffable embeddings tokenization",
          "don't won't it's 'quoted' “curly” ‘single’ «guillemets»",
          "e-mail: someone@example.org, https://example.org/a_b?c=d&e=f#g",
          "1,234.56 $9.99 50% 3½ x² H₂O № ① Ⅷ ㎏",
          "snake_case CamelCase SCREAMING_CASE kebab-case",
          "for (int i = 0; i < n; i++) { a[i] += b[i] << 2; }",
          "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] [ SEP ] [[SEP]] x[MASK]y [SEP][SEP]",
          "[unused1] ##ing ## #hash",
          "café naïve résumé coöperate Zürich",
          "cafe\u0301 nai\u0308ve re\u0301sume\u0301 Zu\u0308rich",
          "Ångström A\u030angstro\u0308m \u212b",
          "İstanbul ISPARTA ıspanak İİ iİI",
          "Straße STRASSE ẞ groß ﬁ ﬂ ﬃ",
          "ΟΔΥΣΣΕΥΣ Σίσυφος ΣΑΣ ς Σ ΆΈΉ ΐ",
          "ПРИВЕТ мир Ёлка й Й и\u0306",
          "北京大学 is 中文, 東京都の日本語テキスト。カタカナ ひらがな",
          "ガギグ カ\u3099キ\u3099 ﾊﾞﾋﾟ 　full　width　ＡＢＣ１２３",
          "㐀 䶵 龥 鿿 𠀀 𪛖 𫜴 𫠠 豈 﨎 丽 你 𬺡",
          "한국어 텍스트 한국 ᄒ\u1161\u11ab ㅎㅏㄴ",
          "हिन्दी में पाठ किताब ดีมาก ภาษาไทย தமிழ் বাংলা",
          "עִבְרִית שָׁלוֹם العَرَبِيَّة مُحَمَّد",
          "👍 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ☺️ ☺ 🤷🏻‍♀️ 🫠",
          "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh",
          "a\u0000b\u0001c\u0007d\u001be\u007ff\u0080g\u0085h\u009fi",
          "a\u00a0b\u1680c\u2000d\u2009e\u2028f\u2029g\u202fh\u205fi\u3000j",
          "\u202eright to left\u202c \u2066isolate\u2069",
          "tab\tseparated\tvalues\nnew\rlines\r\nform\ffeed\u000bvertical",
          "\ufffd replacement \ufffe \uffff \ue000 \uf8ff \udbff\udfff",
          "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a\u0334\u0323l\u0335g\u0336o",
          "q\u0307\u0323 q\u0323\u0307 \u0344 \u0340 \u0387 \u1fee \u2126",
          "\u0301 leading mark and \u20ddenclosing o\u20dd a\u302eb",
          "a\u0f71\u0f72\u0f74b \u0f73 \u0f75 \u0f81 \u0958 \u09dc",
          "long " + "a".repeat(99) + " " + "b".repeat(100) + " " + "c".repeat(101) + " end",
          "é".repeat(100) + " " + "é".repeat(101) + " " + "e\u0301".repeat(100),
          "👍".repeat(100) + " " + "𝔸".repeat(101),
          "中".repeat(300) + "!".repeat(300) + "a!".repeat(300),
          "x".repeat(255) + "\u0301" + "y".repeat(255) + "\u0301\u0316\u0301 z",
          " a ".repeat(400),
          "𝕳𝖊𝖑𝖑𝖔 𝓦𝓸𝓻𝓵𝓭 ℌ ℝ ﷺ ǅ ŉ ǰ ΐ",
          "¿Qué? ¡Hola! …—–‐‑ · • § ¶ † ‡ ′ ″ ‰ ⁄ ₿ € £ ¥ ¬ ± × ÷ ° ^ ` ~ | \\ < > = +",
          "ᔀ᙭᙮ ᜴ 𑜞 𑇉  ߽ ࢐ ᪿ ⹃ ⹝");

  /** English sentences put together from parts, and the shared data sets where they are. */
  static List<String> real() throws IOException {
    List<String> texts = new ArrayList<>();
    String[] subjects = {
      "The connection pool",
      "My card payment",
      "A B-tree's leaf",
      "This cipher (AES-256)",
      "Each PDF page",
      "An O(n log n) sort",
      "Dr. Smith's e-mail",
      "The café's Wi-Fi",
      "NASA",
      "Row #42",
      "\"Quoted text\"",
      "jdk.incubator.vector"
    };
    String[] verbs = {
      "doesn't return",
      "was re-parsed by",
      "overwrites",
      "converges to",
      "costs $3.50 more than",
      "is ≤ 10% of",
      "(probably) supersedes",
      "un-marshals"
    };
    String[] objects = {
      "null, false or -1.", "the so-called “naïve” baseline!", "https://example.org/x?y=1#z",
      "3.14159… times; see §4.2.", "résumé.docx", "x² + y² = z²?"
    };
    for (String subject : subjects) {
      for (String verb : verbs) {
        for (String object : objects) {
          texts.add(subject + " " + verb + " " + object);
        }
      }
    }
    Path shared = Path.of(System.getProperty("offramp.shared", "shared"), "data", "text");
    if (Files.isDirectory(shared)) {
      for (String set :
          List.of("banking77/test.tsv.gz", "agnews/test.tsv.gz", "sst2/test.tsv.gz")) {
        texts.addAll(
            TextData.read(shared.resolve(set)).stream().map(Example::text).limit(1_000).toList());
      }
    } else {
      System.err.println(
          "SKIPPED WordPieceTokenizerTest.agreesOnRealTexts, data sets: no directory " + shared);
    }
    return texts;
  }

  /** Random characters of all planes mixed with words, marks and spaces; no surrogates. */
  static List<String> random(Random random, int count) {
    return Stream.generate(() -> random(random)).limit(count).toList();
  }

  private static String random(Random random) {
    StringBuilder text = new StringBuilder();
    int length = random.nextInt(60);
    for (int i = 0; i < length; i++) {
      switch (random.nextInt(8)) {
        case 0 -> text.append(' ');
        case 1 -> text.append((char) random.nextInt(0x80));
        case 2 -> text.append(WORDS[random.nextInt(WORDS.length)]);
        case 3 -> text.append((char) (0x300 + random.nextInt(0x70)));
        case 4 -> text.append((char) random.nextInt(0x3000));
        case 5 -> text.append((char) (0x1100 + random.nextInt(0xc000)));
        default -> {
          int c = random.nextInt(Character.MAX_CODE_POINT + 1);
          if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
            text.appendCodePoint(c);
          }
        }
      }
    }
    return text.toString();
  }

  private static final String[] TOKENS = {
    "COVID",
    "covid",
    "Covid-19",
    "New York",
    "new  york",
    "[MASK]",
    "[SEP]",
    "[x]",
    "<eos>",
    "the",
    "foo",
    "foobar",
    "foo bar",
    "bar",
    "##ing",
    " lead",
    "trail ",
    "_",
    "a",
    "aa",
    "C++",
    ".net",
    "\n",
    " ",
    "中",
    "日本",
    "é",
    "E\u0301",
    "Über",
    "İ",
    "ﬁ",
    "ΣΑΣ",
    "가",
    "हिन्दी",
    "👍",
    "👨‍👩",
    "z\u200by",
    "½",
    "€5",
    "٣",
    "Ⅷ"
  };
  private static final String[] GLUE = {
    "", "", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\u200b", "\u0000",
    "\ufffd", "_", "-", ".", "'", "x", "S", "7", "é", "\u0301", "\u0903", "\u200d", "中", "👍", "ⓐ",
    "·", "the", "word "
  };

  /** Adds tokens with all options to a tokenizer.json; gives their texts. */
  static List<String> addTokens(Random random, JsonObject tokenizer) {
    JsonObject vocabulary = tokenizer.getAsJsonObject("model").getAsJsonObject("vocab");
    List<String> texts = new ArrayList<>(List.of(TOKENS));
    Collections.shuffle(texts, random);
    texts = texts.subList(0, 1 + random.nextInt(texts.size()));
    boolean allNormalized = random.nextInt(3) == 0; // Then long texts stay whole until the end.
    JsonArray added = new JsonArray();
    int nextId = vocabulary.size();
    for (String text : texts) {
      JsonObject token = new JsonObject();
      JsonElement known = vocabulary.get(text);
      token.addProperty("id", known == null ? nextId++ : known.getAsInt());
      token.addProperty("content", text);
      for (String option : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
        boolean refused = option.endsWith("strip") && text.isBlank();
        boolean set = allNormalized && option.equals("normalized") || random.nextInt(3) == 0;
        token.addProperty(option, set && !refused);
      }
      added.add(token);
    }
    tokenizer.add("added_tokens", added);
    return texts;
  }

  /** A text with such tokens in it, as they are or written otherwise. */
  static String holding(Random random, List<String> tokens) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(12); i > 0; i--) {
      String token = tokens.get(random.nextInt(tokens.size()));
      switch (random.nextInt(8)) {
        case 0 -> text.append(token.toUpperCase(Locale.ROOT));
        case 1 -> text.append(token.toLowerCase(Locale.ROOT));
        case 2 -> text.append(Normalizer.normalize(token, Normalizer.Form.NFD));
        case 3 -> text.append(token.replace(' ', '\t'));
        // Whether a character is of a word is not known of one that Unicode got after our Java.
        case 4 ->
            random(random).codePoints().filter(Character::isDefined).forEach(text::appendCodePoint);
        default -> text.append(token);
      }
      for (int n = random.nextInt(3); n > 0; n--) {
        text.append(GLUE[random.nextInt(GLUE.length)]);
      }
    }
    return text.toString();
  }

  static String escaped(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          if (c >= ' ' && c < 0x7f) {
            escaped.append((char) c);
          } else {
            escaped.append(String.format("\\u{%x}", c));
          }
        });
    return escaped.toString();
  }
}
