package dev.offramp.models;

/**
 * A decoded picture.
 *
 * @param channels 1, grey, or 3: red, green, blue
 * @param packed [height * width], row after row; byte c of a pixel is channel c
 */
record Pixels(int width, int height, int channels, int[] packed) {

  /** Grey as three equal channels; colour as its luma (ITU-R BT.601). */
  Pixels to(int wanted) {
    if (wanted == channels) {
      return this;
    }
    int[] converted = new int[packed.length];
    for (int i = 0; i < packed.length; i++) {
      int pixel = packed[i];
      if (channels == 1) {
        converted[i] = pixel * 0x010101;
      } else {
        // 0.299, 0.587 and 0.114 of 65536: grey stays what it is.
        converted[i] =
            (19595 * (pixel & 0xff)
                    + 38470 * (pixel >> 8 & 0xff)
                    + 7471 * (pixel >> 16 & 0xff)
                    + 0x8000)
                >> 16;
      }
    }
    return new Pixels(width, height, wanted, converted);
  }
}
