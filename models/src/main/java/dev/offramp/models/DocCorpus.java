package dev.offramp.models;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Labelled sentences from the documentation comments of Java libraries, read from their source
 * jars: the demo's real input. The label is the library's domain.
 *
 * <p>A comment gives one text: as many sentences from its start as make at most {@value #MAX_WORDS}
 * words. Markup is taken out, and a text that gives its library away by a package or brand name is
 * dropped, as is one that two libraries share. Whole source files go to one part, so that no
 * paragraph is on both sides of a split. Calibration and test take one sentence of a file, drawn at
 * random: sentences of one file resemble each other, and risk control counts on samples that are
 * independent. The result is the same on every machine.
 *
 * @param train about 55 % of the source files, to fit on
 * @param calibration about 22 %, to choose thresholds on
 * @param test the rest, for measuring alone
 */
public record DocCorpus(List<Sentence> train, List<Sentence> calibration, List<Sentence> test) {

  /**
   * One text.
   *
   * @param text 10 to 40 words, single spaces, no line breaks
   * @param label the domain of the library it is from
   * @param source the jar entry it is from
   */
  public record Sentence(String text, String label, String source) {}

  static final int MIN_WORDS = 10;
  static final int MAX_WORDS = 40;
  static final int MAX_PER_LABEL = 1_800;

  /** No hand-written source file comes near this; a hostile entry may. */
  private static final int MAX_ENTRY_BYTES = 8 << 20;

  private static final Pattern COMMENT = Pattern.compile("(?s)/\\*\\*(?!/)(.*?)\\*/");
  private static final Pattern MARGIN = Pattern.compile("(?m)^[ \\t]*\\*+");
  private static final Pattern BLOCK_TAG = Pattern.compile("(?m)^\\s*@\\w");
  private static final Pattern BOILERPLATE =
      Pattern.compile("(?i)licen[sc]e|copyright|warranty|\\(c\\) \\d{4}|parse tree produced by");
  private static final Pattern LISTING = Pattern.compile("(?is)<(pre|table|script)\\b.*?</\\1>");
  private static final Pattern TAG = Pattern.compile("</?[A-Za-z][^<>]*>|<!--.*?-->");
  private static final Pattern INHERITED = Pattern.compile("\\{@(inheritDoc|value|index)\\b[^}]*}");
  private static final Pattern LINK_WITH_TEXT =
      Pattern.compile("\\{@link(?:plain)?\\s+[\\w.#]+(?:\\([^)]*\\))?\\s+([^}]+)}");
  private static final Pattern INLINE_TAG = Pattern.compile("\\{@\\w+\\s*([^{}]*)}");
  private static final Pattern ENTITY = Pattern.compile("&(#?\\w+);");
  private static final Map<String, String> ENTITIES =
      Map.of("lt", "<", "gt", ">", "amp", "&", "quot", "\"", "apos", "'", "#39", "'");
  private static final Pattern SENTENCE_END =
      Pattern.compile("(?<=[.!?])(?<!\\b(?:e\\.g|i\\.e|etc|vs|cf)\\.)\\s+(?=[A-Z\"'(<\\[{])");
  private static final Pattern SPACE = Pattern.compile("[\\s\\p{Z}\\p{Cc}]+");
  private static final Pattern GIVEAWAY =
      Pattern.compile(
          "(?i)\\b[a-z]\\w*(\\.[a-z]\\w*){2,}|https?:|www\\.|@"
              + "|apache|lucene|solr|elastic|commons|bouncy|castle|\\bBC\\b|pdfbox|netty|jfree"
              + "|jcommon|joda|jgrapht|hibernate|jboss");
  private static final Pattern CAMEL_CASE = Pattern.compile("[a-z][A-Z]|_|\\(\\)");

  /** The parts may be read, not changed. */
  public DocCorpus {
    train = List.copyOf(train);
    calibration = List.copyOf(calibration);
    test = List.copyOf(test);
  }

  /**
   * Reads a folder with a sub-folder per label that holds that label's source jars.
   *
   * @throws IllegalArgumentException when the folder holds no source jar
   * @throws UncheckedIOException when a jar cannot be read; the message names it
   */
  public static DocCorpus read(Path folder) {
    requireNonNull(folder, "folder is null");
    SortedMap<String, List<Path>> jars = new TreeMap<>();
    for (Path labelled : list(folder)) {
      if (Files.isDirectory(labelled)) {
        List<Path> found =
            list(labelled).stream().filter(jar -> jar.toString().endsWith(".jar")).toList();
        if (!found.isEmpty()) {
          jars.put(labelled.getFileName().toString(), found);
        }
      }
    }
    if (jars.isEmpty()) {
      throw new IllegalArgumentException(
          folder + ": no source jars; expected LABEL/NAME-sources.jar below it");
    }
    return read(jars);
  }

  /**
   * Reads source jars.
   *
   * @param jars the jars of each label
   * @throws UncheckedIOException when a jar cannot be read; the message names it
   */
  public static DocCorpus read(Map<String, List<Path>> jars) {
    requireNonNull(jars, "jars is null");
    Map<String, Sentence> unique = new TreeMap<>();
    Set<String> ambiguous = new HashSet<>();
    for (Sentence sentence : readJars(jars)) {
      String key = sentence.text().toLowerCase(Locale.ROOT);
      Sentence first = unique.putIfAbsent(key, sentence);
      if (first != null && !first.label().equals(sentence.label())) {
        ambiguous.add(key);
      }
    }
    unique.keySet().removeAll(ambiguous);
    return split(unique.values());
  }

  /** On all processors, and yet in the order of labels, jars and files. */
  private static List<Sentence> readJars(Map<String, List<Path>> jars) {
    record Labelled(String label, Path jar) {}
    return new TreeMap<>(jars)
        .entrySet().stream()
            .flatMap(entry ->
                entry.getValue().stream().sorted().map(jar -> new Labelled(entry.getKey(), jar)))
            .toList()
            .parallelStream()
            .map(labelled -> readJar(labelled.jar(), labelled.label()))
            .flatMap(List::stream)
            .toList();
  }

  /**
   * In an order that mixes labels and files. Only training is cut off at {@link #MAX_PER_LABEL}:
   * one sentence of each file is few enough.
   */
  private static DocCorpus split(Iterable<Sentence> sentences) {
    List<Sentence> mixed = new ArrayList<>();
    sentences.forEach(mixed::add);
    mixed.sort(
        Comparator.comparingInt((Sentence s) -> hash(s.text())).thenComparing(Sentence::text));
    Map<String, Integer> taken = new HashMap<>();
    List<Sentence> train = new ArrayList<>();
    List<Sentence> calibration = new ArrayList<>();
    List<Sentence> test = new ArrayList<>();
    Set<String> drawn = new HashSet<>();
    for (Sentence sentence : mixed) {
      boolean over = taken.merge(sentence.label(), 1, Integer::sum) > MAX_PER_LABEL;
      int percentile = Math.floorMod(hash(sentence.source()), 100);
      if (percentile < 55) {
        if (!over) {
          train.add(sentence);
        }
      } else if (drawn.add(sentence.label() + ":" + sentence.source())) {
        (percentile < 77 ? calibration : test).add(sentence);
      }
    }
    return new DocCorpus(train, calibration, test);
  }

  private static List<Sentence> readJar(Path jar, String label) {
    List<Sentence> sentences = new ArrayList<>();
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      List<? extends ZipEntry> sources =
          zip.stream()
              .filter(entry -> entry.getName().endsWith(".java"))
              .sorted(Comparator.comparing(ZipEntry::getName))
              .toList();
      for (ZipEntry source : sources) {
        try (var in = zip.getInputStream(source)) {
          String java = new String(in.readNBytes(MAX_ENTRY_BYTES), UTF_8);
          for (String text : texts(java)) {
            sentences.add(new Sentence(text, label, source.getName()));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(jar + ": not a readable source jar; fetch it again", e);
    }
    return sentences;
  }

  /** The texts of one Java source file, in file order. */
  static List<String> texts(String java) {
    return COMMENT
        .matcher(java)
        .results()
        .map(comment -> text(comment.group(1)))
        .filter(text -> !text.isEmpty())
        .toList();
  }

  /** The text of one comment's body, empty when it has none that serves. */
  private static String text(String comment) {
    if (BOILERPLATE.matcher(comment).find()) {
      return "";
    }
    String plain = plain(BLOCK_TAG.split(MARGIN.matcher(comment).replaceAll(""), 2)[0]);
    String text = leadingSentences(plain);
    int words = words(text);
    boolean serves =
        words >= MIN_WORDS
            && words <= MAX_WORDS
            && Character.isLetter(text.charAt(0))
            && !text.regionMatches(true, 0, "deprecated", 0, 10)
            && !GIVEAWAY.matcher(text).find()
            && mostlyProse(text);
    return serves ? text : "";
  }

  /** As many whole sentences from the start as {@link #MAX_WORDS} allows; the first one anyway. */
  private static String leadingSentences(String plain) {
    StringBuilder text = new StringBuilder();
    int words = 0;
    for (String sentence : SENTENCE_END.split(plain)) {
      words += words(sentence);
      if (words > MAX_WORDS && !text.isEmpty()) {
        break;
      }
      text.append(text.isEmpty() ? "" : " ").append(sentence);
    }
    return text.toString();
  }

  /** Without HTML, javadoc tags (what they show stays) and line breaks. */
  private static String plain(String description) {
    String text = LISTING.matcher(description).replaceAll(" ");
    text = INHERITED.matcher(text).replaceAll(" ");
    text = LINK_WITH_TEXT.matcher(text).replaceAll("$1");
    text = INLINE_TAG.matcher(text).replaceAll("$1");
    text = TAG.matcher(text).replaceAll(" ");
    text = ENTITY.matcher(text).replaceAll(entity -> ENTITIES.getOrDefault(entity.group(1), " "));
    return SPACE.matcher(text.replace('#', ' ')).replaceAll(" ").strip();
  }

  /** Formulas, tables and code in comments are not what a reader would ask with. */
  private static boolean mostlyProse(String text) {
    long letters = text.chars().filter(c -> Character.isLetter(c) || c == ' ').count();
    long names = Stream.of(text.split(" ")).filter(word -> CAMEL_CASE.matcher(word).find()).count();
    return letters >= 0.85 * text.length() && names <= 0.25 * words(text);
  }

  private static int words(String text) {
    return text.isEmpty() ? 0 : text.split(" ").length;
  }

  /**
   * Evenly spread and the same everywhere, which String.hashCode is not and which seeds are not.
   */
  private static int hash(String text) {
    return ByteBuffer.wrap(Disk.sha256().digest(text.getBytes(UTF_8))).getInt();
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(folder + ": not a readable folder", e);
    }
  }
}
