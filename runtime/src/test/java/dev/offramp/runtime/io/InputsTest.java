package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.ImageData;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InputsTest {
  @TempDir private Path folder;

  @Test
  void aFolderAndAFileWithinAreReadOnce() throws IOException {
    Path cats = Files.createDirectories(folder.resolve("images/cat"));
    Path picture = Files.createFile(cats.resolve("1.png"));
    Path dogs = Files.createDirectory(folder.resolve("images/dog"));
    for (List<Path> files :
        List.of(List.of(cats, picture), List.of(picture, folder.resolve("images")))) {
      assertThatThrownBy(() -> Inputs.images(files, null, ImageData.OnBad.FAIL))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(files.get(1) + ": would be read twice, as " + files.get(0));
    }
    Path other = Files.createDirectory(folder.resolve("images/catfish"));
    assertThatCode(() -> Inputs.requireDistinct(List.of(folder.resolve("none"), cats, dogs, other)))
        .doesNotThrowAnyException();
  }

  @Test
  void whatIsShuffledStaysTogether() {
    List<Integer> numbers = IntStream.range(0, 100).boxed().toList();
    Inputs inputs =
        new Inputs(
            numbers.stream().map(n -> "label " + n).toList(),
            numbers.stream().map(n -> new int[] {n}).toList(),
            numbers.stream().map(n -> "source " + n).toList());

    Inputs shuffled = inputs.shuffled(new SplittableRandom(5));

    List<Integer> order = shuffled.rows().stream().map(row -> row[0]).toList();
    assertThat(order).containsExactlyInAnyOrderElementsOf(numbers).isNotEqualTo(numbers);
    assertThat(shuffled.labels()).isEqualTo(order.stream().map(n -> "label " + n).toList());
    assertThat(shuffled.sources()).isEqualTo(order.stream().map(n -> "source " + n).toList());
    assertThat(inputs.shuffled(new SplittableRandom(5)).labels()).isEqualTo(shuffled.labels());
  }

  /** As an engine cuts them: what is calibrated is what runs. */
  @Test
  void textsAreCutToTheModelsLength() throws IOException {
    Path texts = Files.writeString(folder.resolve("long.txt"), "wab ".repeat(100) + "\nwab\n");
    Path written = TinyModel.write(folder.resolve("model"), 1, 2, 4);
    try (ModelDirectory model = ModelDirectory.open(written)) {
      assertThat(model.config().architecture().maxPositions()).isGreaterThan(TinyModel.MAX_TOKENS);
      assertThat(Inputs.read(List.of(texts), model).rows())
          .extracting(row -> row.length)
          .containsExactly(TinyModel.MAX_TOKENS, 3);
    }
  }

  @Test
  void theSeedOfAnOrderDiffersWithTheData() {
    String hash = "00000000000000ab" + "0".repeat(48);
    assertThat(Inputs.seed(5, hash)).isEqualTo(0xab ^ 5);
    assertThat(Inputs.seed(0, "f".repeat(64))).isEqualTo(-1);
  }
}
