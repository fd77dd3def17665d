package dev.offramp.models;

import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * CIFAR-10's binary files: records of a label byte and the red, green and blue bytes of 32 x 32
 * pixels, row after row.
 */
final class CifarFile {
  static final List<String> LABELS =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  private static final int SIDE = 32;
  private static final int PIXELS = SIDE * SIDE;
  private static final int RECORD = 1 + 3 * PIXELS;

  private CifarFile() {}

  /** They begin with nothing that they could be known by. */
  static boolean isNamed(String fileName) {
    String name = fileName.toLowerCase(Locale.ROOT);
    return name.endsWith(".bin") || name.endsWith(".bin.gz");
  }

  static void read(ImageFile file, List<String> labels, PictureList list) {
    ClassNames names = new ClassNames(LABELS, labels);
    byte[] record = new byte[RECORD];
    for (int number = 0; ; number++) {
      String part = "record " + number;
      int length;
      try {
        length = file.data().readNBytes(record, 0, RECORD);
      } catch (IOException e) {
        list.bad(file.error(part, "cannot be read (" + e.getMessage() + "); get the file again"));
        return;
      }
      if (length == 0) {
        return;
      }
      if (length < RECORD) {
        list.bad(
            file.error(
                part,
                "the file ends after "
                    + length
                    + " of its "
                    + RECORD
                    + " bytes; name a whole file of CIFAR-10"));
        return;
      }
      int label = record[0] & 0xff;
      if (label >= names.count()) {
        list.bad(
            file.error(
                part,
                "has class %d where 0 to %d are possible; name a file of CIFAR-10"
                    .formatted(label, names.count() - 1)));
      } else {
        list.add(file.path(), part, pixels(record), names.of(label));
      }
    }
  }

  private static Pixels pixels(byte[] record) {
    int[] pixels = new int[PIXELS];
    for (int p = 0; p < PIXELS; p++) {
      pixels[p] =
          record[1 + p] & 0xff
              | (record[1 + PIXELS + p] & 0xff) << 8
              | (record[1 + 2 * PIXELS + p] & 0xff) << 16;
    }
    return new Pixels(SIDE, SIDE, 3, pixels);
  }
}
