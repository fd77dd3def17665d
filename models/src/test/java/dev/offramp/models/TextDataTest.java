package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextDataTest {
  @TempDir Path temp;

  @Test
  void readsTables() throws IOException {
    assertThat(TextData.read(file("a.tsv", "label\ttext\n1\thello\n0\tworld\n")))
        .containsExactly(new Example("hello", "1"), new Example("world", "0"));
    assertThat(TextData.read(file("b.TSV", "text\nhello")))
        .containsExactly(new Example("hello", null));
    assertThat(TextData.read(file("c.tsv", "label\tname\tid\ttitle\ttext\n7\tseven\tx\tT\tbody\n")))
        .containsExactly(new Example("T body", "seven"));
  }

  @Test
  void readsGzipByteOrderMarksAndCarriageReturns() throws IOException {
    Path file = temp.resolve("a.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("\ufefftext\tlabel\r\nüñí 👍\tyes\r\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(TextData.read(file)).containsExactly(new Example("üñí 👍", "yes"));
  }

  @Test
  void readsLinesOfText() throws IOException {
    Path txt = file("a.txt", "one\ttext\r\ntwo");
    assertThat(TextData.read(List.of(txt, txt)))
        .extracting(Example::text)
        .containsExactly("one\ttext", "two", "one\ttext", "two");
  }

  /** Editors leave them; elsewhere one is a text that was lost. */
  @Test
  void passesOverBlankLinesAtTheEnd() throws IOException {
    assertThat(TextData.read(file("a.txt", "one\ntwo\n\n \r\n"))).hasSize(2);
    assertThat(TextData.read(file("a.tsv", "label\ttext\nx\tone\n\n"))).hasSize(1);
    refuses(file("b.txt", "one\n\n\ntwo\n"), "line 2", "text is blank");
    refuses(file("b.tsv", "label\ttext\n\nx\tone\n"), "line 2", "text is blank");
    refuses(file("c.txt", "\n\n"), "holds no texts");
  }

  @Test
  void namesTheLineOfAnExample() throws IOException {
    Path table = file("a.tsv", "text\none\ntwo\n");
    Path lines = file("b.txt", "three\nfour\n");
    List<Path> files = List.of(table, lines);
    assertThat(TextData.error(files, 1, "no")).hasMessage(table + ": line 3: no");
    assertThat(TextData.error(files, 3, "no")).hasMessage(lines + ": line 2: no");
  }

  @Test
  void writesWhatItReads() {
    Path file = temp.resolve("out.tsv");
    TextData.write(file, List.of(new Example("a\tb\nc\r", "x y"), new Example("d", "z")));
    assertThat(TextData.read(file))
        .containsExactly(new Example("a b c ", "x y"), new Example("d", "z"));
    TextData.write(file, List.of(new Example("e", null)));
    assertThat(TextData.read(file)).containsExactly(new Example("e", null));
    assertThatThrownBy(
            () -> TextData.write(file, List.of(new Example("a", "x"), new Example("b", null))))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(TextData.read(file)).containsExactly(new Example("e", null));
  }

  @Test
  void namesWhatIsWrong() throws IOException {
    refuses(file("empty.tsv", ""), "is empty");
    refuses(file("empty.txt", ""), "holds no texts");
    refuses(file("header.tsv", "label\ttext\n"), "holds no texts");
    refuses(file("a.tsv", "label\tsentence\n1\tx\n"), "line 1", "[label, sentence]");
    refuses(file("t.tsv", "text\tlabel\ttext\nx\t1\ty\n"), "line 1", "column \"text\" twice");
    refuses(file("n.tsv", "text\tnote\tnote\nx\t1\ty\n"), "line 1", "column \"note\" twice");
    refuses(file("b.tsv", "label\ttext\n1\tx\n2\n"), "line 3", "1 fields where the header names 2");
    refuses(file("c.tsv", "label\ttext\n1\tx\ty\n"), "line 2", "3 fields");
    refuses(file("d.tsv", "label\ttext\n1\t \n"), "line 2", "text is blank");
    refuses(file("e.tsv", "label\ttext\n\tx\n"), "line 2", "label is blank");
    refuses(
        file("g.tsv", "label\ttext\n\u001b[2Jbad\tx\n"),
        "line 2",
        "label holds a control character");
    refuses(file("w.tsv", "label\ttext\npos\tx\npos \ty\n"), "line 3", "\"pos \" begins or ends");
    refuses(file("f.txt", "x\n\ny\n"), "line 2", "blank");
    refuses(file("g.csv", "text\nx\n"), "unknown ending");
    refuses(temp.resolve("none.tsv"), "does not exist");
    refuses(Path.of("/"), "is a directory; name a file");
    Path bytes = Files.write(temp.resolve("h.txt"), new byte[] {'a', '\n', 'b', (byte) 0xc3, '\n'});
    refuses(bytes, "line 2", "UTF-8");
    refuses(file("i.txt.gz", "plain text"), "cannot be read");
  }

  @Test
  void refusesWhatOtherProgramsMeantOtherwise() throws IOException {
    refuses(file("r.txt", "one\rtwo\rthree\r"), "line 1", "holds a carriage return");
    String quoted = "label\ttext\n1\tplain\n1\t\"a \"\"great\"\" film\"\n";
    refuses(file("q.tsv", quoted), "line 3", "quotation marks are doubled");
    // Written as they are, of which one looks otherwise.
    assertThat(TextData.read(file("s.tsv", quoted + "1\ta \"bad\" film\n"))).hasSize(3);
    assertThat(TextData.read(file("u.tsv", "text\n\"all of it\"\n\"\"\n")))
        .extracting(Example::text)
        .containsExactly("\"all of it\"", "\"\"");
  }

  @Test
  void refusesATruncatedGzip() throws IOException {
    Path file = temp.resolve("a.txt.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("one\ntwo\n".getBytes(StandardCharsets.UTF_8));
    }
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length - 10));
    refuses(file, "a.txt.gz: is empty or cut short; get or write the whole file again");
    refuses(file("empty.tsv.gz", ""), "empty.tsv.gz: is empty or cut short");
  }

  @Test
  void refusesALineOfTenMegabytes() throws IOException {
    refuses(file("a.txt", "ok\n" + "x".repeat(10 << 20)), "line 2", "break the text into lines");
  }

  /** A gigabyte of short lines packs into a megabyte. */
  @Test
  void refusesAGzipThatUnpacksToTooMuch() throws IOException {
    Path file = temp.resolve("bomb.txt.gz");
    byte[] lines = ("x".repeat(1 << 19) + "\n").getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      for (long written = 0; written <= TextLines.MAX_FILE_BYTES; written += lines.length) {
        out.write(lines);
      }
    }
    refuses(file, "split the file");
  }

  /** Blank lines pack best, and each takes time. */
  @Test
  void refusesTooManyLines() throws IOException {
    Path file = temp.resolve("blank.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("text\nhello\n".getBytes(StandardCharsets.UTF_8));
      byte[] blank = "\n".repeat(1 << 20).getBytes(StandardCharsets.UTF_8);
      for (long lines = 0; lines <= TextLines.MAX_LINES; lines += blank.length) {
        out.write(blank);
      }
    }
    refuses(file, "line 4000001", "more than 4000000 lines", "remove blank lines");
  }

  /** Half a gigabyte of objects packs into a few kilobytes. */
  @Test
  void refusesTooManyExamples() throws IOException {
    Path file = temp.resolve("lines.txt.gz");
    byte[] lines = "a\n".repeat(1000).getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      for (int written = 0; written < TextData.MAX_EXAMPLES; written += 1000) {
        out.write(lines);
      }
    }
    assertThat(TextData.read(file)).hasSize(TextData.MAX_EXAMPLES);
    Path more = file("more.txt", "b\n");
    assertThatThrownBy(() -> TextData.read(List.of(file, more)))
        .isInstanceOf(InputException.class)
        .hasMessage(
            more
                + ": line 1: more than 2000000 examples; split the data and run each part by itself");
  }

  @Test
  void theHashIsOfTheContentsInOrder() throws IOException {
    Path a = file("a.txt", "one");
    Path b = file("b.txt", "two");
    Path copy = file("copy.txt", "one");
    String hash = TextData.hash(List.of(a, b));
    assertThat(hash).matches("[0-9a-f]{64}").isEqualTo(TextData.hash(List.of(copy, b)));
    assertThat(TextData.hash(List.of(b, a))).isNotEqualTo(hash);
    assertThat(TextData.hash(List.of(file("ab.txt", "onetwo")))).isNotEqualTo(hash);
    // Lengths tell files apart that hold what lies between files.
    assertThat(TextData.hash(List.of(file("ab.txt", "onedata\ntwo")))).isNotEqualTo(hash);
    assertThat(TextData.hash(List.of(file("ab.txt", "onedata\n3\ntwo")))).isNotEqualTo(hash);
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(temp.resolve(name), text);
  }

  private static void refuses(Path file, String... parts) {
    assertThatThrownBy(() -> TextData.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContainingAll(parts);
  }
}
