package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  @TempDir Path temp;

  @Test
  void readsWhatItWrites() throws IOException {
    Path file = temp.resolve("x.safetensors");
    Safetensors.write(file, sample(), Map.of("format", "pt", "é", "ü\n"));
    try (Arena arena = Arena.ofConfined()) {
      Safetensors read = Safetensors.open(file, arena);
      assertThat(read.metadata()).containsOnly(Map.entry("format", "pt"), Map.entry("é", "ü\n"));
      assertThat(read.tensors().keySet()).containsExactly("wide", "f32", "scalar", "f16", "odd");
      Tensor f32 = read.tensors().get("f32");
      assertThat(f32.shape()).containsExactly(2L, 3L);
      assertThat(TinyModel.floats(f32)).containsExactly(1, 2, 3, 4, 5, -0.5f);
      assertThat(f32.toF32(arena)).isSameAs(f32.data());
      assertThat(f32.data().isMapped()).isTrue();
      assertThat(f32.data().address() % 4).isZero();
      assertThat(TinyModel.floats(read.tensors().get("f16"))).containsExactly(1.5f, -2, 65504);
      assertThat(TinyModel.floats(read.tensors().get("odd"))).containsExactly(255, 0, 7);
      assertThat(TinyModel.floats(read.tensors().get("wide"))).containsExactly(-1, 1 << 20);
      assertThat(read.tensors().get("scalar").floatAt(0)).isEqualTo(42);
    }
    assertThat(temp).isDirectoryNotContaining("glob:**.tmp");
  }

  private static SequencedMap<String, Tensor> sample() {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(
        "odd",
        bytes("odd", TensorType.U8, 3, ByteBuffer.allocate(3).put(0, (byte) -1).put(2, (byte) 7)));
    ByteBuffer half = ByteBuffer.allocate(6).order(ByteOrder.LITTLE_ENDIAN);
    half.putShort(Float.floatToFloat16(1.5f))
        .putShort(Float.floatToFloat16(-2))
        .putShort((short) 0x7bff);
    tensors.put("f16", bytes("f16", TensorType.F16, 3, half.flip()));
    tensors.put("f32", Tensor.ofFloats("f32", new float[] {1, 2, 3, 4, 5, -0.5f}, 2, 3));
    tensors.put("scalar", Tensor.ofFloats("scalar", new float[] {42}));
    ByteBuffer longs = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    tensors.put(
        "wide", bytes("wide", TensorType.I64, 2, longs.putLong(-1).putLong(1 << 20).flip()));
    return tensors;
  }

  private static Tensor bytes(String name, TensorType type, long size, ByteBuffer bytes) {
    return new Tensor(name, type, List.of(size), MemorySegment.ofBuffer(bytes));
  }

  @Test
  void readsHalfPrecision() {
    ByteBuffer bits = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    bits.putShort((short) 0x3f80)
        .putShort((short) 0xc000)
        .putShort((short) 0x7f80)
        .putShort((short) 0x0001);
    Tensor bf16 = bytes("b", TensorType.BF16, 4, bits.flip());
    assertThat(TinyModel.floats(bf16))
        .containsExactly(1, -2, Float.POSITIVE_INFINITY, Float.intBitsToFloat(0x10000));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = bf16.toF32(arena);
      assertThat(copy.getAtIndex(ValueLayout.JAVA_FLOAT, 1)).isEqualTo(-2);
    }
  }

  @Test
  void findsNaNAndInfinityWhereverTheyAre() {
    for (int n : new int[] {1, 5, 4096, 4097, 10_000}) {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        float[] values = new float[n];
        Arrays.fill(values, -Float.MAX_VALUE);
        assertThat(Tensor.ofFloats("t", values, n).isFinite()).isTrue();
        values[n - 1] = bad;
        assertThat(Tensor.ofFloats("t", values, n).isFinite()).isFalse();
      }
    }
    for (int half : new int[] {0x7c00, 0xfc00, 0x7e01}) {
      assertThat(half(TensorType.F16, half).isFinite()).isFalse();
      assertThat(half(TensorType.BF16, half).isFinite()).isTrue();
    }
    assertThat(half(TensorType.BF16, 0xff80).isFinite()).isFalse();
    assertThat(half(TensorType.F16, 0xfbff).isFinite()).isTrue();
  }

  private static Tensor half(TensorType type, int bits) {
    ByteBuffer bytes = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
    return bytes("h", type, 1, bytes.putShort((short) bits).flip());
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -1, Long.MIN_VALUE, 1L << 62, Long.MAX_VALUE, 17, 1 << 25})
  void refusesImpossibleHeaderLengths(long length) throws IOException {
    Path file = temp.resolve("x.safetensors");
    ByteBuffer bytes = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    Files.write(file, bytes.array());
    refuses(file, "header length");
  }

  @Test
  void refusesAHeaderThatWouldFillTheHeap() throws IOException {
    Path file = temp.resolve("x.safetensors");
    int length = (int) SafetensorsHeader.MAX_HEADER_BYTES + 1;
    ByteBuffer bytes = ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.fill(bytes.putLong(length).array(), 8, 8 + length, (byte) ' ');
    Files.write(file, bytes.array());
    refuses(file, "header length");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        // Header over 8 bytes of data | what the error says
        "[] | $: must be an object",
        "{ { | not valid JSON",
        "{\"a\": 1} | a: must be an object",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}} | a.data_offsets: missing",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8], \"x\": 1}} | a.x: unknown",
        "{\"a\": {\"dtype\": \"C64\", \"shape\": [1], \"data_offsets\": [0, 8]}} | a.dtype: \"C64\"",
        "{\"a\": {\"dtype\": 32, \"shape\": [2], \"data_offsets\": [0, 8]}} | a.dtype: must be a string",
        "{\"a\": {\"dtype\": \"F16\", \"shape\": [2], \"data_offsets\": [0, 8]}} | a.data_offsets: holds 8 bytes",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 12]}} | a.data_offsets: [0, 12] lies outside",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}} | a.shape: [-2]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2.0], \"data_offsets\": [0, 8]}} | a.shape[0]: must be a whole",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 8]}} | a.shape:",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [999999999999999999], \"data_offsets\": [0, 8]}} | a.data_offsets: holds",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}} | a.data_offsets: [8, 0]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [-8, 0]}} | a.data_offsets: [-8, 0]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0]}} | a.data_offsets: [0]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 99999999999999999999]}} | a.data_offsets[1]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}} | 4 bytes after the last",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}} | a: data_offsets leave a gap",
        "{} | 8 bytes after the last",
        "{\"__metadata__\": {\"k\": 1}} | __metadata__.k: must be a string",
      })
  void namesWhatIsWrongInTheHeader(String header, String message) throws IOException {
    refuses(file(header, 8), message);
  }

  @Test
  void refusesOverlapsAndDuplicates() throws IOException {
    String a = "{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}";
    String b = "{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}";
    refuses(file("{\"a\": " + a + ", \"b\": " + b + "}", 12), "b: data_offsets overlap");
    refuses(file("{\"a\": " + a + ", \"b\": " + a + "}", 8), "overlap");
    refuses(file("{\"a\": " + a + ", \"a\": " + a + "}", 8), "given twice");
  }

  @Test
  void emptyTensorsAreFine() throws IOException {
    Path file =
        file("{\"a\": {\"dtype\": \"F32\", \"shape\": [0, 9], \"data_offsets\": [0, 0]}}", 0);
    try (Arena arena = Arena.ofConfined()) {
      assertThat(Safetensors.open(file, arena).tensors().get("a").elements()).isZero();
    }
  }

  /** Every truncation is an error; any changed byte gives tensors or an error, nothing else. */
  @Test
  void survivesDamage() throws IOException {
    Path file = temp.resolve("x.safetensors");
    Safetensors.write(file, sample(), Map.of("k", "v"));
    byte[] good = Files.readAllBytes(file);
    for (int length = 0; length < good.length; length++) {
      Files.write(file, Arrays.copyOf(good, length));
      refuses(file, "");
    }
    Random random = new Random(3);
    int opened = 0;
    for (int i = 0; i < 500; i++) {
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      Files.write(file, bad);
      try (Arena arena = Arena.ofConfined()) {
        Safetensors.open(file, arena).tensors().values().forEach(TinyModel::floats);
        opened++;
      } catch (InputException e) {
        assertThat(e.getMessage()).startsWith(file.toString());
      }
    }
    assertThat(opened).isBetween(1, 499);
  }

  @Test
  void namesAMissingFile() {
    refuses(temp.resolve("none.safetensors"), "does not exist");
    refuses(temp, "is a directory");
  }

  private Path file(String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(json.length).put(json);
    return Files.write(temp.resolve("x.safetensors"), bytes.array());
  }

  private static void refuses(Path file, String message) {
    assertThatThrownBy(
            () -> {
              try (Arena arena = Arena.ofConfined()) {
                Safetensors.open(file, arena);
              }
            })
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(message);
  }
}
