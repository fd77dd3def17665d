package dev.offramp.models;

/**
 * How many pixels pictures may have, before they are unpacked: each of them, and all together. For
 * one thread.
 */
public final class PixelBudget {
  /** Of one picture: bounds what a small file can unpack to. */
  static final long MOST = 64 << 20;

  private final long each;
  private final long together;
  private long taken;

  /** For one picture by itself, up to the most that any may have. */
  public static PixelBudget ofOne() {
    return new PixelBudget(MOST, MOST);
  }

  /**
   * @param each pixels of one picture; never more than 64 Mi
   * @param together pixels of all pictures that are read with this budget
   */
  public PixelBudget(long each, long together) {
    this.each = Math.min(each, MOST);
    this.together = together;
  }

  /**
   * @param pixels that the picture will have
   * @throws InputException if that is too many
   */
  void take(ImageFile file, long pixels) {
    if (pixels > each) {
      throw file.error(null, "has %d pixels, at most %d; make it smaller".formatted(pixels, each));
    }
    if (pixels > together - taken) {
      throw file.error(
          null,
          "has %d pixels, %d with the pictures before it, at most %d; send fewer at a time"
              .formatted(pixels, taken + pixels, together));
    }
    taken += pixels;
  }
}
