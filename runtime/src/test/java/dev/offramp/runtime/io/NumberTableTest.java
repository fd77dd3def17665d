package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NumberTableTest {
  @TempDir private Path folder;

  private NumberTable table(String text) throws IOException {
    return NumberTable.read(Files.writeString(folder.resolve("grid.csv"), text));
  }

  private void refuses(String text, String... parts) {
    assertThatThrownBy(() -> table(text).column("lambda"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("grid.csv")
        .hasMessageContainingAll(parts);
  }

  @Test
  void namedColumns() throws IOException {
    NumberTable table =
        table("\ufeff\"row\",lambda, mean_exit_layer\r\n0,1.0,14.5\n1,\"5e-1\",3\n\n");
    assertThat(table.column("lambda")).containsExactly(1, 0.5);
    assertThat(table.column("mean_exit_layer")).containsExactly(14.5, 3);
    assertThat(table.header()).containsExactly("row", "lambda", "mean_exit_layer");
  }

  @Test
  void plainNumbers() throws IOException {
    assertThat(table("1\n0.5\n0").column("lambda")).containsExactly(1, 0.5, 0);
    assertThat(table("lambda\n1\n").column("lambda")).containsExactly(1);
  }

  @Test
  void otherFilesAreRefused() {
    refuses("", "is empty");
    refuses("\n \n", "is empty");
    refuses("a,b\n1,2\n", "lambda", "no such column");
    refuses("1,2\n3,4\n", "no such column");
    refuses("a,lambda\n1,2\n3\n", "line 3", "1 cells instead of 2");
    refuses("lambda\n1\nx\n", "row 1", "'x'");
    refuses("lambda\nNaN\n", "row 0", "'NaN'");
    refuses("lambda\n1e999\n", "row 0");
    assertThatThrownBy(() -> NumberTable.read(folder.resolve("gone")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(
            () -> NumberTable.read(Files.write(folder.resolve("b"), new byte[] {(byte) 0xff, 1})))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("UTF-8");
  }
}
