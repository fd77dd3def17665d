package dev.offramp.runtime.demo;

import dev.offramp.models.DocCorpus;
import dev.offramp.models.Example;
import dev.offramp.models.InputException;
import dev.offramp.models.TextData;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import dev.offramp.runtime.io.TemporaryFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * What the demo runs on: sentences of documentation comments, split by source file. The libraries'
 * sources come from Maven and are kept for the next time.
 *
 * @param train sentences that the adapter was trained on
 * @param calibration sentences for choosing the threshold
 * @param test sentences for measuring alone
 */
public record DemoInput(Path train, Path calibration, Path test) {
  private static final String POM = "runtime/demo/pom.xml";

  /**
   * Fetches the libraries' sources, if they are not in the cache yet.
   *
   * @return the folder they are in
   */
  public static Path fetch() throws IOException {
    String home = System.getProperty("offramp.home");
    Path pom = Path.of(home == null ? "." : home, POM).toAbsolutePath().normalize();
    if (!Files.exists(pom)) {
      throw InputException.in(pom, null, "not found; start the demo with the offramp launcher");
    }
    // A name of its own for each version of the list, so that a changed list is fetched anew.
    String name = "demo-input-" + TextData.hash(List.of(pom)).substring(0, 12);
    Path downloads = Cache.directory().resolve(name);
    if (!Files.exists(downloads)) {
      fetch(pom, downloads);
    }
    return downloads.resolve("sources");
  }

  /**
   * Cuts the sources into sentences.
   *
   * @param sources what {@link #fetch} gave
   * @param folder where the three .tsv files go
   */
  public static DemoInput prepare(Path sources, Path folder) throws IOException {
    DocCorpus corpus = DocCorpus.read(sources);
    Files.createDirectories(folder);
    return new DemoInput(
        write(folder.resolve("train.tsv"), corpus.train()),
        write(folder.resolve("calibration.tsv"), corpus.calibration()),
        write(folder.resolve("test.tsv"), corpus.test()));
  }

  private static void fetch(Path pom, Path downloads) throws IOException {
    Cache.make();
    Console.say("fetching the libraries' sources with Maven (once)");
    try (TemporaryFolder temporary = TemporaryFolder.in(downloads.getParent())) {
      MavenFetch.maven(
          List.of("-f", pom.toString(), "-Dofframp.demo.dir=" + temporary.path(), "package"), POM);
      Files.move(temporary.path(), downloads, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static Path write(Path file, List<DocCorpus.Sentence> sentences) {
    TextData.write(file, sentences.stream().map(s -> new Example(s.text(), s.label())).toList());
    return file;
  }
}
