package dev.offramp.models;

import static dev.offramp.models.OnnxWriter.message;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxFileTest {
  @TempDir Path temp;
  private Path file;

  @BeforeEach
  void name() {
    file = temp.resolve("x.onnx");
  }

  @Test
  void readsEveryWayToStoreNumbers() throws IOException {
    byte[] floats =
        message(out -> {
          out.writeInt64(1, 2);
          out.writeInt32(2, 1);
          out.writeByteArray(4, new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0});
          out.writeString(8, "packed floats");
        });
    byte[] packed =
        message(out -> {
          out.writeInt64NoTag(-3);
          out.writeInt64NoTag(300);
        });
    byte[] longs =
        message(out -> {
          out.writeByteArray(1, new byte[] {2, 1}); // packed dims
          out.writeInt32(2, 7);
          out.writeByteArray(7, packed);
          out.writeString(8, "packed longs");
        });
    byte[] bytes =
        message(out -> {
          out.writeInt32(2, 2);
          out.writeInt32(5, 128);
          out.writeString(8, "one byte");
        });
    OnnxWriter writer = new OnnxWriter().initializer(floats).initializer(longs).initializer(bytes);
    writer.constant("c", OnnxWriter.tensor("", 10, List.of(1L), new byte[] {0, 0x3c}));
    writer.node("Norm", List.of("c", ""), "d", OnnxWriter.floatAttribute("epsilon", 0.5f));
    Files.write(file, writer.model());
    try (Arena arena = Arena.ofConfined()) {
      OnnxFile onnx = OnnxFile.open(file, arena);
      assertThat(onnx.constants().keySet())
          .containsExactly("packed floats", "packed longs", "one byte", "c");
      assertThat(TinyModel.floats(onnx.constants().get("packed floats"))).containsExactly(1, -2);
      Tensor read = onnx.constants().get("packed longs");
      assertThat(read.shape()).containsExactly(2L, 1L);
      assertThat(read.longAt(0)).isEqualTo(-3);
      assertThat(read.longAt(1)).isEqualTo(300);
      assertThat(onnx.constants().get("one byte").floatAt(0)).isEqualTo(128);
      assertThat(onnx.constants().get("c").floatAt(0)).isEqualTo(1);
      OnnxNode node = onnx.nodes().getFirst();
      assertThat(node.inputs()).containsExactly("c", "");
      assertThat(node.floats()).containsEntry("epsilon", 0.5f);
    }
  }

  @Test
  void refusesDataInOtherFiles() throws IOException {
    byte[] entry =
        message(out -> {
          out.writeString(1, "location");
          out.writeString(2, "/etc/passwd");
        });
    byte[] external =
        message(out -> {
          out.writeInt64(1, 2);
          out.writeInt32(2, 1);
          out.writeString(8, "w");
          out.writeByteArray(13, entry);
          out.writeEnum(14, 1);
        });
    Files.write(file, new OnnxWriter().initializer(external).model());
    refuses("w: keeps its data in another file");
  }

  @Test
  void refusesTensorsThatDoNotAddUp() throws IOException {
    write(OnnxWriter.tensor("w", 1, List.of(3L), new byte[8]));
    refuses("w: has data that does not fit its shape [3]");
    write(OnnxWriter.tensor("w", 1, List.of(1L << 62, 1L << 62), new byte[8]));
    refuses("w: has data that does not fit");
    write(OnnxWriter.tensor("w", 1, List.of(-2L), new byte[8]));
    refuses("w: has data that does not fit");
    write(OnnxWriter.tensor("w", 11, List.of(1L), new byte[8]));
    refuses("w: has ONNX type 11");
    byte[] twice = OnnxWriter.tensor("w", 1, List.of(2L), new byte[8]);
    Files.write(file, new OnnxWriter().initializer(twice).initializer(twice).model());
    refuses("w: given twice");
  }

  private void write(byte[] tensor) throws IOException {
    Files.write(file, new OnnxWriter().initializer(tensor).model());
  }

  @Test
  void refusesWhatIsNotOnnx() throws IOException {
    Files.write(file, new byte[0]);
    refuses("graph: missing");
    Files.writeString(file, "This is a text file and no protobuf.");
    refuses("");
    Files.write(file, message(out -> out.writeInt64(7, 5)));
    refuses("graph: missing");
    // A graph said to be longer than any file.
    Files.write(file, new byte[] {0x3a, -1, -1, -1, -1, 7, 0});
    refuses("is not an ONNX file or is damaged");
    Files.write(file, new byte[] {0x3a, -1, -1, -1, -1, 15, 0});
    refuses("is not an ONNX file or is damaged");
  }

  @Test
  void survivesDamage() throws IOException {
    OnnxWriter writer = new OnnxWriter();
    writer.initializer(OnnxWriter.tensor("w", 1, List.of(2L, 2L), new byte[16]));
    writer.constant("c", OnnxWriter.tensor("", 7, List.of(1L), new byte[8]));
    writer.node("MatMul", List.of("x", "w"), "y");
    byte[] good = writer.model();
    for (int length = 0; length < good.length; length++) {
      Files.write(file, Arrays.copyOf(good, length));
      refuses("");
    }
    Random random = new Random(5);
    int opened = 0;
    for (int i = 0; i < 500; i++) {
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      Files.write(file, bad);
      try (Arena arena = Arena.ofConfined()) {
        OnnxFile.open(file, arena).constants().values().forEach(TinyModel::floats);
        opened++;
      } catch (InputException e) {
        assertThat(e.getMessage()).startsWith(file.toString());
      }
    }
    assertThat(opened).isBetween(1, 499);
  }

  private void refuses(String message) {
    assertThatThrownBy(
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                OnnxFile.open(file, arena);
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message);
  }
}
