package dev.offramp.runtime.io;

import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Matrices in NumPy's .npy format (versions 1 to 3): a magic string, the length of the header, the
 * header in Python's notation, then the elements.
 */
public final class Npy {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAX_HEADER = 1 << 16;
  private static final String REMEDY =
      "; save it with numpy.save(file, numpy.ascontiguousarray(matrix, dtype='<f8'))";
  private static final Pattern TYPE = field("descr", "('[^']*'|\\[.*\\])");
  private static final Pattern ORDER = field("fortran_order", "(True|False)");
  private static final Pattern SHAPE = field("shape", "\\(([0-9, ]*)\\)");
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Npy() {}

  private static Pattern field(String name, String value) {
    return Pattern.compile("['\"]" + name + "['\"]\\s*:\\s*" + value, Pattern.DOTALL);
  }

  /**
   * Reads a matrix of little-endian float64 in C order.
   *
   * @return shape [rows][columns], at least one of each
   * @throws InputException if the file is anything else; names file, header field and remedy
   */
  public static double[][] readMatrix(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      return read(file, Disk.map(file, arena));
    }
  }

  private static double[][] read(Path file, MemorySegment bytes) {
    int start = headerStart(file, bytes);
    int length = start == 10 ? Short.toUnsignedInt(bytes.get(SHORT, 8)) : bytes.get(INT, 8);
    if (length < 0 || length > MAX_HEADER || start + length > bytes.byteSize()) {
      throw InputException.in(
          file, "header length", Integer.toUnsignedString(length) + " bytes do not fit" + REMEDY);
    }
    byte[] raw = bytes.asSlice(start, length).toArray(ValueLayout.JAVA_BYTE);
    String header = new String(raw, StandardCharsets.UTF_8);
    String type = find(file, header, "descr", TYPE);
    if (!type.equals("'<f8'")) {
      throw InputException.in(file, "descr", type + " is not '<f8', 64-bit floats" + REMEDY);
    }
    if (find(file, header, "fortran_order", ORDER).equals("True")) {
      throw InputException.in(file, "fortran_order", "True: columns come first" + REMEDY);
    }
    int[] shape = shape(file, find(file, header, "shape", SHAPE));
    long present = bytes.byteSize() - start - length;
    // Divided rather than multiplied by 8: a hostile shape must not overflow into a match.
    if (present % 8 != 0 || (long) shape[0] * shape[1] != present / 8) {
      throw InputException.in(
          file,
          "shape",
          "%d x %d float64 do not fill the %d bytes after the header; the file is cut or damaged, write it again"
              .formatted(shape[0], shape[1], present));
    }
    double[][] matrix = new double[shape[0]][shape[1]];
    long at = start + length;
    for (double[] row : matrix) {
      MemorySegment.copy(bytes, DOUBLE, at, row, 0, row.length);
      at += 8L * row.length;
    }
    return matrix;
  }

  private static int headerStart(Path file, MemorySegment bytes) {
    boolean magic =
        bytes.byteSize() >= 12
            && Arrays.equals(bytes.asSlice(0, MAGIC.length).toArray(ValueLayout.JAVA_BYTE), MAGIC);
    if (!magic) {
      throw InputException.in(file, null, "is not a .npy file" + REMEDY);
    }
    byte version = bytes.get(ValueLayout.JAVA_BYTE, 6);
    return switch (version) {
      case 1 -> 10;
      case 2, 3 -> 12;
      default ->
          throw InputException.in(
              file, "version", version + " is unknown; versions 1 to 3 can be read" + REMEDY);
    };
  }

  private static String find(Path file, String header, String name, Pattern pattern) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw InputException.in(file, name, "is missing from the header or malformed" + REMEDY);
    }
    return matcher.group(1);
  }

  private static int[] shape(Path file, String text) {
    String[] parts = text.replace(" ", "").split(",");
    try {
      int[] shape = Arrays.stream(parts).mapToInt(Integer::parseInt).toArray();
      if (shape.length == 2 && shape[0] > 0 && shape[1] > 0) {
        return shape;
      }
    } catch (NumberFormatException e) {
      // Told below, as any other shape that is none.
    }
    throw InputException.in(
        file,
        "shape",
        "(%s) is not that of a matrix; give K rows (thresholds) of n columns (samples), each at least 1"
            .formatted(text));
  }
}
