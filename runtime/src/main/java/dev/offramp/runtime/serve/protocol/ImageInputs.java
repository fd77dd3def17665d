package dev.offramp.runtime.serve.protocol;

import dev.offramp.models.ImageData;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.PixelBudget;
import dev.offramp.models.ResnetArchitecture.Image;
import dev.offramp.runtime.DeadlineException;
import dev.offramp.runtime.Request;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** What a model of images takes: PNG or JPEG files, or pixels in its own size. */
final class ImageInputs {
  static final String IMAGE = "image";
  static final String PIXELS = "pixels";

  private final ModelConfig config;
  private final InferLimits limits;

  ImageInputs(ModelConfig config, InferLimits limits) {
    this.config = config;
    this.limits = limits;
  }

  /**
   * The pictures of a tensor of files in base64, in the model's size.
   *
   * @param late whether they are too late by now
   * @throws CancellationException if the thread is interrupted
   * @throws DeadlineException if they are too late
   */
  List<Request.Input> files(InputTensor tensor, BooleanSupplier late) {
    tensor.requireDatatype(List.of("BYTES"));
    tensor.requireContentType("base64");
    int count = tensor.batch(limits.batch());
    tensor.requireShape(new int[] {count}, new int[] {count, 1});
    List<Request.Input> inputs = new ArrayList<>(count);
    PixelBudget budget = new PixelBudget(limits.imagePixels(), limits.requestPixels());
    for (int i = 0; i < count; i++) {
      if (Thread.currentThread().isInterrupted()) {
        throw new CancellationException("nobody waits for the pictures any more");
      }
      if (late.getAsBoolean()) {
        throw new DeadlineException();
      }
      String path = tensor.path() + ".data[" + i + "]";
      byte[] file = decoded(tensor.data().strings().get(i), path);
      inputs.add(new Request.Prepared(pixels(file, path, budget)));
    }
    return inputs;
  }

  private byte[] decoded(String base64, String path) {
    byte[] file;
    try {
      file = Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new BadRequestException(
          path, "is not base64; send that of the file alone, without line breaks or a prefix");
    }
    if (file.length > limits.imageBytes()) {
      throw new BadRequestException(
          path,
          "is a file of %d bytes, at most %d are taken; make it smaller"
              .formatted(file.length, limits.imageBytes()));
    }
    return file;
  }

  private int[] pixels(byte[] file, String path, PixelBudget budget) {
    try {
      return ImageData.picture(file, path, config, budget).pixels();
    } catch (InputException e) {
      throw new BadRequestException(e.getMessage());
    }
  }

  /** The images of a tensor of bytes. */
  List<Request.Input> pixels(InputTensor tensor) {
    Image image = config.resnet().image();
    tensor.requireDatatype(List.of("UINT8"));
    tensor.requireContentType("np");
    int count = tensor.batch(limits.batch());
    tensor.requireShape(new int[] {count, image.height(), image.width(), image.channels()});
    List<Request.Input> inputs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      inputs.add(new Request.Prepared(packed(tensor, i, image)));
    }
    return inputs;
  }

  private static int[] packed(InputTensor tensor, int number, Image image) {
    int[] numbers = tensor.data().numbers();
    int[] packed = new int[image.height() * image.width()];
    int at = number * packed.length * image.channels();
    for (int p = 0; p < packed.length; p++) {
      for (int c = 0; c < image.channels(); c++, at++) {
        if ((numbers[at] & 0xff) != numbers[at]) {
          throw new BadRequestException(
              tensor.path() + ".data",
              "channel %d of pixel %d of image %d is %d, must be 0 to 255"
                  .formatted(c, p, number, numbers[at]));
        }
        packed[p] |= numbers[at] << Byte.SIZE * c;
      }
    }
    return packed;
  }
}
