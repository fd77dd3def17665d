package dev.offramp.runtime.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes .npy files, well-formed and otherwise. */
public final class NpyFile {
  private NpyFile() {}

  /** A matrix as numpy.save writes it. */
  public static Path write(Path file, double[][] matrix) throws IOException {
    String header =
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }"
            .formatted(matrix.length, matrix[0].length);
    ByteBuffer data =
        ByteBuffer.allocate(8 * matrix.length * matrix[0].length).order(ByteOrder.LITTLE_ENDIAN);
    for (double[] row : matrix) {
      for (double value : row) {
        data.putDouble(value);
      }
    }
    return write(file, 1, header, data.array());
  }

  /** A file of that version with any header and any data. */
  public static Path write(Path file, int version, String header, byte[] data) throws IOException {
    int prefix = version == 1 ? 10 : 12;
    String padded = header + " ".repeat(63 - (prefix + header.length()) % 64) + "\n";
    ByteBuffer bytes =
        ByteBuffer.allocate(prefix + padded.length() + data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
    bytes.put((byte) version).put((byte) 0);
    if (version == 1) {
      bytes.putShort((short) padded.length());
    } else {
      bytes.putInt(padded.length());
    }
    bytes.put(padded.getBytes(StandardCharsets.UTF_8)).put(data);
    return Files.write(file, bytes.array());
  }
}
