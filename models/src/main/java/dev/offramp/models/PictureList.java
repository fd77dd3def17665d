package dev.offramp.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Collects pictures in the size of a model; what cannot be read goes where the caller said. */
final class PictureList {
  /** More than a gigabyte fits few heaps. */
  static final long MAX_PIXELS = 1 << 28;

  private final List<Picture> pictures = new ArrayList<>();
  private final PictureFit fit;
  private final ImageData.OnBad onBad;
  private int seen;

  /** That there are too many, which cannot be skipped. */
  private InputException full;

  PictureList(ModelConfig config, ImageData.OnBad onBad) {
    fit = PictureFit.of(config);
    this.onBad = onBad;
  }

  /**
   * @param part of the file, or null if it is one picture
   * @param label or null
   * @throws InputException if there are too many by now, however bad input is treated
   */
  void add(Path file, String part, Pixels pixels, String label) {
    long size = (long) fit.image().height() * fit.image().width();
    int limit = (int) Math.min(TextData.MAX_EXAMPLES, MAX_PIXELS / size);
    if (pictures.size() == limit) {
      full =
          InputException.in(
              file,
              part,
              "more than %d images of %d x %d; split the data and run each part by itself"
                  .formatted(limit, fit.image().height(), fit.image().width()));
      throw full;
    }
    seen++;
    String source = part == null ? file.toString() : file + ": " + part;
    pictures.add(new Picture(source, fit.fit(pixels), label));
  }

  void bad(InputException problem) {
    if (problem == full) {
      throw problem;
    }
    seen++;
    onBad.bad(problem);
  }

  /** Images so far, good and bad. */
  int seen() {
    return seen;
  }

  List<Picture> pictures() {
    return pictures;
  }
}
