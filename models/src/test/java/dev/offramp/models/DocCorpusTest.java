package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.offramp.models.DocCorpus.Sentence;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DocCorpusTest {

  @TempDir Path folder;

  @Test
  void takesTheWholeOfAShortCommentWithoutItsBlockTags() {
    assertThat(
            DocCorpus.texts(
                """
                class A {
                  /**
                   * Rounds a number to the next even one. Ties go up.
                   *
                   * @param x the number that is to be rounded by this method, if any
                   */
                  int f(int x) {}
                }
                """))
        .containsExactly("Rounds a number to the next even one. Ties go up.");
  }

  @Test
  void takesAsManyWholeSentencesAsFit() {
    String twelve = "Rounds a number, e.g. The one given, to the next even one. ";
    assertThat(DocCorpus.texts("/** " + twelve.repeat(4) + "*/"))
        .containsExactly(twelve.repeat(3).strip());
    assertThat(DocCorpus.texts("/** " + twelve + "Then words follow ".repeat(14) + "*/"))
        .containsExactly(twelve.strip());
  }

  @Test
  void keepsWhatMarkupShows() {
    assertThat(
            DocCorpus.texts(
                """
                /**
                 * <p>Returns {@code null}&nbsp;if a &lt; b &amp; the <b>second</b> value is
                 * {@linkplain java.util.List#add(int, Object) added} to {@link Foo}.
                 * <pre>{@code some listing that must not be seen at all}</pre>
                 */
                """))
        .containsExactly("Returns null if a < b & the second value is added to Foo.");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/* Rounds a number to the next even one, as a plain comment. */",
        "/** Nine words are too few to tell much by. */",
        "/** Licensed to you under terms that this sentence does not name. */",
        "/** Copyright of the words in this file is with those who wrote it. */",
        "/** Deprecated because it rounds a number to the next even one only. */",
        "/** Rounds like org.example.numbers.Rounding does it, to the next even one. */",
        "/** Rounds a number to the next even one as Lucene would round it. */",
        "/** See https://example.org for how a number is rounded to the next one. */",
        "/** x = (a + b) * (c - d) / (e * e) - 1 + 2 = 3 */",
        "/** 1 2 3 4 5 6 7 8 9 10 11 12 */",
        "/** calls getOne() and getTwo() then putThree() before the fourFive() and sixSeven() */",
        "/** {@inheritDoc} */",
        "/***/ int noComment; /**/",
        "/** never closed although it goes on for many more words",
      })
  void dropsWhatDoesNotServe(String java) {
    assertThat(DocCorpus.texts(java)).isEmpty();
  }

  @Test
  void dropsCommentsOfMoreThanFortyWordsInOneSentence() {
    assertThat(DocCorpus.texts("/** " + "word ".repeat(40) + "*/")).hasSize(1);
    assertThat(DocCorpus.texts("/** " + "word ".repeat(41) + "*/")).isEmpty();
  }

  @Test
  void keepsOneOfEachTextAndNoneThatTwoLibrariesShare() throws IOException {
    Path first =
        jar(
            "a/one-sources.jar",
            Map.of(
                "p/A.java", "/** Only the first library ever says these ten words here. */",
                "p/B.java", "/** only the FIRST library ever says these ten words here. */",
                "p/C.java", "/** Both libraries say these words, so nobody can tell. */"));
    Path second =
        jar(
            "b/two-sources.jar",
            Map.of("q/A.java", "/** both libraries say these words, so nobody can tell. */"));

    Collection<Sentence> all =
        all(DocCorpus.read(Map.of("a", List.of(first), "b", List.of(second))));

    assertThat(all)
        .containsExactly(
            new Sentence(
                "Only the first library ever says these ten words here.", "a", "p/A.java"));
  }

  @Test
  void splitsByFileInTheNamedSharesWhateverTheOrderOfTheJars() throws IOException {
    Path one = jar("x/one-sources.jar", sources("one", 600));
    Path two = jar("x/two-sources.jar", sources("two", 600));
    DocCorpus corpus = DocCorpus.read(Map.of("x", List.of(one, two)));

    assertThat(corpus).isEqualTo(DocCorpus.read(Map.of("x", List.of(two, one))));
    assertThat(corpus).isEqualTo(DocCorpus.read(folder));
    assertThat((double) corpus.train().size() / DocCorpus.MAX_PER_LABEL)
        .isCloseTo(0.55, within(0.06));
    assertThat(corpus.calibration().size() / 1200.0).isCloseTo(0.22, within(0.05));
    assertThat(corpus.test().size() / 1200.0).isCloseTo(0.23, within(0.05));
    assertThat(corpus.calibration()).extracting(Sentence::source).doesNotHaveDuplicates();
    assertThat(corpus.test()).extracting(Sentence::source).doesNotHaveDuplicates();
    Set<String> train = files(corpus.train());
    Set<String> calibration = files(corpus.calibration());
    Set<String> test = files(corpus.test());
    assertThat(train).doesNotContainAnyElementsOf(calibration).doesNotContainAnyElementsOf(test);
    assertThat(calibration).doesNotContainAnyElementsOf(test);
    assertThat(all(corpus))
        .extracting(s -> s.text().toLowerCase(Locale.ROOT))
        .doesNotHaveDuplicates();
  }

  @Test
  void readsOnlyJavaEntries() throws IOException {
    String comment = "/** Rounds a number to the next even one above it. */";
    Path jar = jar("x/a-sources.jar", Map.of("p/A.kt", comment, "p/A.java.txt", comment));
    assertThat(all(DocCorpus.read(Map.of("x", List.of(jar))))).isEmpty();
  }

  @Test
  void namesAJarThatCannotBeRead() throws IOException {
    Path jar = Files.writeString(folder.resolve("broken-sources.jar"), "not a zip");
    assertThatThrownBy(() -> DocCorpus.read(Map.of("x", List.of(jar))))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("broken-sources.jar")
        .hasMessageContaining("fetch it again");
  }

  @Test
  void namesAFolderWithoutJars() {
    assertThatThrownBy(() -> DocCorpus.read(folder))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining("LABEL/NAME-sources.jar");
    assertThatThrownBy(() -> DocCorpus.read(folder.resolve("absent")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("absent");
  }

  /** Files of two texts each, no two alike. */
  private static Map<String, String> sources(String library, int files) {
    Map<String, String> sources = new HashMap<>();
    for (int i = 0; i < files; i++) {
      String words = "%c %c".formatted('a' + i / 26, 'a' + i % 26);
      sources.put(
          library + "/F" + i + ".java",
          "/** The first of two comments in file %s %s */ /** The second of two comments in file %s %s */"
              .formatted(library, words, library, words));
    }
    return sources;
  }

  private Path jar(String name, Map<String, String> entries) throws IOException {
    Path jar = folder.resolve(name);
    Files.createDirectories(jar.getParent());
    try (var zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (var entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
      }
    }
    return jar;
  }

  private static List<Sentence> all(DocCorpus corpus) {
    return Stream.of(corpus.train(), corpus.calibration(), corpus.test())
        .flatMap(List::stream)
        .toList();
  }

  private static Set<String> files(List<Sentence> sentences) {
    return sentences.stream().map(Sentence::source).collect(Collectors.toSet());
  }
}
