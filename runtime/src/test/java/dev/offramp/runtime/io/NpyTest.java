package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyTest {
  private static final String GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";

  @TempDir private Path folder;

  private void refuses(Path file, String... parts) {
    assertThatThrownBy(() -> Npy.readMatrix(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContainingAll(parts);
  }

  @Test
  void aMatrixComesBackBitForBit() throws IOException {
    Random random = new Random(1);
    double[][] matrix = new double[7][13];
    for (double[] row : matrix) {
      Arrays.setAll(row, i -> Double.longBitsToDouble(random.nextLong()));
    }
    matrix[1][2] = -0.0;
    double[][] read = Npy.readMatrix(NpyFile.write(folder.resolve("m.npy"), matrix));
    assertThat(bits(read)).isEqualTo(bits(matrix));
  }

  /** Unlike equality of numbers, this tells -0 from 0 and a NaN from another. */
  private static long[] bits(double[][] matrix) {
    return Arrays.stream(matrix)
        .flatMapToDouble(Arrays::stream)
        .mapToLong(Double::doubleToRawLongBits)
        .toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void everyVersionAndAnyOrderOfFields(int version) throws IOException {
    String header = "{\"shape\": (2,3), \"fortran_order\": False, \"descr\": '<f8'}";
    Path file = NpyFile.write(folder.resolve("v"), version, header, new byte[48]);
    assertThat(Npy.readMatrix(file)).isDeepEqualTo(new double[2][3]);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'<f8'      | '<f4'                    | descr",
        "'<f8'      | '>f8'                    | descr",
        "'<f8'      | 'O'                      | descr",
        "'<f8'      | [('a', '<f8')]           | descr",
        "False      | True                     | fortran_order",
        "False      | Maybe                    | fortran_order",
        "(2, 3)     | (6,)                     | shape",
        "(2, 3)     | ()                       | shape",
        "(2, 3)     | (1, 2, 3)                | shape",
        "(2, 3)     | (0, 3)                   | shape",
        "(2, 3)     | (-2, -3)                 | shape",
        "(2, 3)     | (2, 4)                   | shape",
        "(2, 3)     | (2, 2)                   | shape",
        "(2, 3)     | (99999999999999, 3)      | shape",
        "(2, 3)     | (2147483647, 2147483647) | shape",
        "'shape'    | 'shepe'                  | shape",
        "'descr'    | 'discr'                  | descr",
      },
      quoteCharacter = '\u0001')
  void aHeaderOfSomethingElseIsNamed(String part, String instead, String field) throws IOException {
    assertThat(GOOD).contains(part);
    String header = GOOD.replace(part, instead);
    refuses(NpyFile.write(folder.resolve("h.npy"), 1, header, new byte[48]), field, ";");
  }

  @Test
  void everyTruncationIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(NpyFile.write(folder.resolve("w.npy"), new double[2][3]));
    for (int length = 0; length < whole.length; length++) {
      Path cut = Files.write(folder.resolve("cut.npy"), Arrays.copyOf(whole, length));
      refuses(cut, ";");
    }
    Path longer = Files.write(folder.resolve("l.npy"), Arrays.copyOf(whole, whole.length + 8));
    refuses(longer, "shape");
  }

  @Test
  void damagedPrefixesAreRefused() throws IOException {
    byte[] good = Files.readAllBytes(NpyFile.write(folder.resolve("g.npy"), new double[2][3]));
    byte[] version = good.clone();
    version[6] = 9;
    refuses(Files.write(folder.resolve("v.npy"), version), "version", "9");
    byte[] length = good.clone();
    length[6] = 2;
    Arrays.fill(length, 8, 12, (byte) 0xff);
    refuses(Files.write(folder.resolve("n.npy"), length), "header length", "4294967295");
    refuses(folder.resolve("gone.npy"), "does not exist");
    refuses(folder, "is a directory");
  }

  /** Random bytes in the header end in one sentence, whatever they are. */
  @Test
  void fuzzedHeadersNeverEscape() throws IOException {
    byte[] good = Files.readAllBytes(NpyFile.write(folder.resolve("g.npy"), new double[2][3]));
    Random random = new Random(2);
    int refused = 0;
    for (int round = 0; round < 2_000; round++) {
      byte[] bytes = good.clone();
      for (int change = 0; change < 3; change++) {
        bytes[random.nextInt(good.length - 48)] = (byte) random.nextInt(256);
      }
      Path file = Files.write(folder.resolve("fuzz.npy"), bytes);
      try {
        Npy.readMatrix(file);
      } catch (InputException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(500);
  }
}
