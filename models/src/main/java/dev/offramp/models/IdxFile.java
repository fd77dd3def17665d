package dev.offramp.models;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * MNIST's files of grey images: big-endian numbers 0x803, images, rows, columns, then a byte a
 * pixel. Labels are in a second file, 0x801, labels, then a byte a label, whose name has {@code
 * labels} for {@code images} and {@code idx1} for {@code idx3}.
 */
final class IdxFile {
  static final int IMAGES = 0x803;
  static final int LABELS = 0x801;

  private static final int MAX_SIDE = 4096;
  private static final List<String> DIGITS =
      IntStream.range(0, 10).mapToObj(Integer::toString).toList();

  private IdxFile() {}

  /** The file of the labels, there or not; null if the name of the images says nothing. */
  static Path labelsOf(Path images) {
    String name = images.getFileName().toString();
    String labels = name.replace("images", "labels").replace("idx3", "idx1");
    return name.contains("images") && name.contains("idx3") ? images.resolveSibling(labels) : null;
  }

  static void read(ImageFile file, List<String> labels, PictureList list) {
    ClassNames names = new ClassNames(DIGITS, labels);
    DataInputStream in = file.data();
    String part = "header";
    try {
      in.readInt();
      int count = in.readInt();
      int rows = in.readInt();
      int columns = in.readInt();
      if (count < 1 || rows < 1 || rows > MAX_SIDE || columns < 1 || columns > MAX_SIDE) {
        list.bad(
            file.error(
                part,
                "says %d images of %d x %d; name a file of 1 or more of at most %d x %4$d"
                    .formatted(count, rows, columns, MAX_SIDE)));
        return;
      }
      byte[] classes;
      try {
        classes = classes(file.path(), count);
      } catch (InputException e) {
        list.bad(e);
        return;
      }
      byte[] image = new byte[rows * columns];
      for (int number = 0; number < count; number++) {
        part = "image " + number + " of " + count;
        in.readFully(image);
        add(
            file,
            part,
            pixels(image, columns),
            classes == null ? -1 : classes[number] & 0xff,
            names,
            list);
      }
      part = null;
      if (in.read() >= 0) {
        list.bad(file.error(part, "goes on after its " + count + " images; get the file again"));
      }
    } catch (EOFException e) {
      list.bad(file.error(part, "the file ends within it; get the file again"));
    } catch (IOException e) {
      list.bad(file.error(part, "cannot be read (" + e.getMessage() + "); get the file again"));
    }
  }

  private static Pixels pixels(byte[] image, int columns) {
    int[] pixels = new int[image.length];
    for (int p = 0; p < pixels.length; p++) {
      pixels[p] = image[p] & 0xff;
    }
    return new Pixels(columns, image.length / columns, 1, pixels);
  }

  /**
   * @param label a class, or -1 if not known
   */
  private static void add(
      ImageFile file, String part, Pixels pixels, int label, ClassNames names, PictureList list) {
    if (label >= names.count()) {
      list.bad(
          file.error(
              part,
              "has class %d where 0 to %d are possible; name data of ten classes"
                  .formatted(label, names.count() - 1)));
    } else {
      list.add(file.path(), part, pixels, label < 0 ? null : names.of(label));
    }
  }

  /** The classes of all images that are read; null if there is no file of labels. */
  private static byte[] classes(Path images, int count) {
    Path path = labelsOf(images);
    if (path == null || !Files.exists(path)) {
      return null;
    }
    try (ImageFile file = ImageFile.open(path)) {
      DataInputStream in = file.data();
      int magic = in.readInt();
      int labels = in.readInt();
      if (magic != LABELS || labels != count) {
        throw file.error(
            "header",
            magic != LABELS
                ? "is not that of labels; get the file again"
                : "says %d labels where there are %d images; use the file that belongs to them"
                    .formatted(labels, count));
      }
      // Read in pieces: not the header's number but what is there bounds what is allocated, and as
      // a small gzip file can hold much, so does the number of images that are read at most.
      int needed = Math.min(count, TextData.MAX_EXAMPLES);
      byte[] classes = in.readNBytes(needed);
      if (classes.length < needed || needed == count && in.read() >= 0) {
        throw file.error(null, "does not hold " + count + " labels; get the file again");
      }
      return classes;
    } catch (EOFException e) {
      throw InputException.in(path, "header", "the file ends within it; get the file again");
    } catch (IOException e) {
      throw Disk.unreadable(path, e);
    }
  }
}
