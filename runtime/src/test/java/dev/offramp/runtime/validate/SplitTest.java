package dev.offramp.runtime.validate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SplitTest {
  @TempDir private Path folder;

  private List<Split> read(String text, int samples) throws IOException {
    return Split.read(Files.writeString(folder.resolve("splits.csv"), text), samples);
  }

  private void refuses(String text, String... parts) {
    assertThatThrownBy(() -> read(text, 10))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("splits.csv")
        .hasMessageContainingAll(parts);
  }

  @Test
  void randomSplitsDivideTheSamplesAndFollowTheSeed() {
    List<Split> splits = Split.random(50, 20, 30, 7);
    int[] seen = new int[50];
    for (Split split : splits) {
      assertThat(split.calibration()).hasSize(20).doesNotHaveDuplicates();
      assertThat(IntStream.concat(IntStream.of(split.calibration()), IntStream.of(split.test())))
          .containsExactlyInAnyOrderElementsOf(IntStream.range(0, 50).boxed().toList());
      IntStream.of(split.calibration()).forEach(i -> seen[i]++);
    }
    assertThat(seen).as("each sample is drawn about 12 times in 30").doesNotContain(0, 30);
    assertThat(Split.random(50, 20, 30, 7))
        .usingRecursiveFieldByFieldElementComparator()
        .isEqualTo(splits);
    assertThat(Split.random(50, 20, 1, 8).getFirst().calibration())
        .isNotEqualTo(splits.getFirst().calibration());
    assertThatThrownBy(() -> Split.random(50, 50, 1, 1)).hasMessageContaining("[1, 49]");
    assertThatThrownBy(() -> Split.random(50, 0, 1, 1)).hasMessageContaining("[1, 49]");
    assertThatThrownBy(() -> Split.random(50, 1, 0, 1)).hasMessageContaining("--trials 0");
  }

  @Test
  void givenSplitsKeepTheirOrder() throws IOException {
    List<Split> splits = read("trial,id0,id1\n3,9,0\n5, 2,7\n\n", 10);
    assertThat(splits).extracting(Split::trial).containsExactly(3, 5);
    assertThat(splits.getFirst().calibration()).containsExactly(9, 0);
    assertThat(splits.getFirst().test()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(splits.get(1).calibration()).containsExactly(2, 7);
  }

  @Test
  void wrongSplitsAreRefused() {
    refuses("", "no split");
    refuses("trial,id0\n", "no split");
    refuses("0,1,2\n1,3,10\n", "line 2", "sample 10", "[0, 10)");
    refuses("0,1,-2\n", "line 1", "sample -2");
    refuses("0,1,1\n", "line 1", "sample 1 is there twice");
    refuses("0,1,2\n0,3,4\n", "line 2", "trial 0 is there twice");
    refuses("0,1,2\n1,3\n", "line 2", "1 samples instead of 2");
    refuses("0,1,x\n", "line 1", "whole numbers");
    refuses("0,1,2.0\n", "line 1", "whole numbers");
    refuses("0\n", "line 1", "0 calibration samples");
    refuses("0,0,1,2,3,4,5,6,7,8,9\n", "line 1", "leave at least 1");
  }
}
