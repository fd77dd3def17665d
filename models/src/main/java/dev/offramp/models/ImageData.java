package dev.offramp.models;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Reads pictures with labels, in the size of a model.
 *
 * <ul>
 *   <li>{@code .bin}, {@code .bin.gz}: CIFAR-10's binary files.
 *   <li>MNIST's images (idx3), plain or gzip, with the labels of the file beside them.
 *   <li>A PNG or JPEG file, without a label.
 *   <li>A folder of PNG and JPEG files, without labels, or a folder of such folders, whose names
 *       are the labels; in the order of their names. Hidden files are passed over.
 * </ul>
 *
 * The first two number their classes: a picture has the data set's name of its class if the model
 * knows all ten, else the model's label of that number if the model has ten, else no label.
 *
 * <p>But for {@code .bin}, files are known by their first bytes. The shorter side is scaled to the
 * model's {@code resize} and the middle cut out; grey becomes three equal channels and colour its
 * luma, as the model needs.
 */
public final class ImageData {
  private ImageData() {}

  /** What is done with an image that cannot be used. */
  @FunctionalInterface
  public interface OnBad {
    /** Ends the reading. */
    OnBad FAIL =
        problem -> {
          throw problem;
        };

    /**
     * Told of each bad image; if this returns, the others are read.
     *
     * @param problem names the file and, in files of many images, which one
     */
    void bad(InputException problem);
  }

  /**
   * All pictures of files and folders, in order; at least one.
   *
   * @param config of a model that takes images
   * @throws InputException if a path does not exist, no picture could be read, there are more than
   *     fit a heap, or as onBad says
   */
  public static List<Picture> read(List<Path> paths, ModelConfig config, OnBad onBad) {
    PictureList list = new PictureList(config, onBad);
    for (Path path : paths) {
      int before = list.seen();
      if (Files.isDirectory(path)) {
        readFolder(path, list);
      } else {
        Disk.requireFile(path);
        readFile(path, config.labels(), list);
      }
      if (list.seen() == before) {
        list.bad(InputException.in(path, null, "holds no images; name other data"));
      }
    }
    if (list.pictures().isEmpty()) {
      throw InputException.in(
          paths.size() == 1 ? paths.getFirst() : null,
          null,
          "not one image could be read; name files or folders of images");
    }
    return list.pictures();
  }

  /**
   * The picture of one PNG or JPEG file.
   *
   * @param config of a model that takes images
   * @throws InputException if it is something else, such as a folder, or cannot be read
   */
  public static Picture picture(Path file, ModelConfig config) {
    PictureList list = new PictureList(config, OnBad.FAIL);
    readPicture(file, null, list);
    return list.pictures().getFirst();
  }

  /**
   * The picture of a PNG or JPEG file that is in memory.
   *
   * @param name what errors call it
   * @param config of a model that takes images
   * @param budget of which its pixels are taken before it is unpacked
   * @throws InputException if it is something else, damaged or too large
   */
  public static Picture picture(byte[] bytes, String name, ModelConfig config, PixelBudget budget) {
    try (ImageFile file = ImageFile.of(bytes, name)) {
      Pixels pixels = PictureFile.read(file, budget);
      return new Picture(name, PictureFit.of(config).fit(pixels), null);
    }
  }

  private static void readFile(Path path, List<String> labels, PictureList list) {
    try (ImageFile file = ImageFile.open(path)) {
      if (CifarFile.isNamed(path.getFileName().toString())) {
        CifarFile.read(file, labels, list);
      } else if (file.magic() == IdxFile.IMAGES) {
        IdxFile.read(file, labels, list);
      } else if (file.magic() == IdxFile.LABELS) {
        throw file.error(null, "holds labels; name the file of the images beside it");
      } else {
        list.add(path, null, PictureFile.read(file), null);
      }
    } catch (InputException e) {
      list.bad(e);
    }
  }

  private static void readFolder(Path folder, PictureList list) {
    List<Path> entries = entries(folder, list);
    if (entries.stream().noneMatch(Files::isDirectory)) {
      entries.forEach(file -> readPicture(file, null, list));
      return;
    }
    for (Path entry : entries) {
      String label = entry.getFileName().toString();
      if (Files.isDirectory(entry) && FieldCheck.hasControl(label)) {
        list.bad(
            InputException.in(
                entry,
                null,
                "names its class, and the name holds a control character; rename the folder"));
      } else if (Files.isDirectory(entry)) {
        entries(entry, list).forEach(file -> readPicture(file, label, list));
      } else {
        list.bad(
            InputException.in(
                entry, null, "lies beside folders of classes; move it into one of them"));
      }
    }
  }

  private static void readPicture(Path path, String label, PictureList list) {
    try (ImageFile file = ImageFile.open(path)) {
      list.add(path, null, PictureFile.read(file), label);
    } catch (InputException e) {
      list.bad(e);
    }
  }

  /** What is in a folder, by name; nothing if that cannot be read. */
  private static List<Path> entries(Path folder, PictureList list) {
    try {
      return entries(folder);
    } catch (InputException e) {
      list.bad(e);
      return List.of();
    }
  }

  /** What is in a folder, by name. */
  private static List<Path> entries(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(entry -> !entry.getFileName().toString().startsWith("."))
          .sorted(Comparator.comparing(entry -> entry.getFileName().toString()))
          .toList();
    } catch (IOException e) {
      throw Disk.unreadable(folder, e);
    } catch (UncheckedIOException e) {
      throw Disk.unreadable(folder, e.getCause());
    }
  }

  /**
   * SHA-256 in hex over lengths and contents of the files, in order, whatever their names; of
   * folders over the names of what is in them too, which are labels.
   */
  public static String hash(List<Path> paths) {
    MessageDigest digest = Disk.sha256();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        for (Path entry : entries(path)) {
          for (Path file : Files.isDirectory(entry) ? entries(entry) : List.of(entry)) {
            Disk.digest(digest, path.relativize(file).toString(), file);
          }
        }
      } else {
        Disk.digest(digest, "data", path);
        Path labels = IdxFile.labelsOf(path);
        if (labels != null && Files.exists(labels)) {
          Disk.digest(digest, "labels", labels);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
