package dev.offramp.runtime.engine;

import dev.offramp.kernels.Buffer;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.LiveRows;
import dev.offramp.kernels.Pooling;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import java.util.List;

/** The layers of a network on a device; one class for each family of networks. */
sealed interface Layers extends AutoCloseable permits Encoder, Resnet {
  /**
   * What a head sees of the live rows.
   *
   * @param pooling that is left to be done
   * @param width of the activations
   */
  record View(Buffer activations, Pooling pooling, int width) {}

  /**
   * Uploads the layers of a model.
   *
   * @param exits that {@link #view} will be asked for
   */
  static Layers open(Device device, ModelDirectory model, List<Exit> exits) {
    return switch (model.config().architecture()) {
      case BertArchitecture bert -> new Encoder(device, model);
      case ResnetArchitecture resnet -> new Resnet(device, model, exits);
    };
  }

  /**
   * Numbers of the shortest row that the layers take.
   *
   * @param longest numbers of the longest
   */
  int shortestRow(int longest);

  /** Positions that a row of so many numbers has on the device. */
  int positions(int rowLength);

  /**
   * Allocates activations of rows.
   *
   * @param positions of a row at most
   * @throws dev.offramp.kernels.DeviceException if the device has not enough memory
   */
  Activations allocate(int capacity, int positions);

  /** Input layer: numbers of the rows, I32 [capacity, row length]. */
  void embed(LiveRows rows, Buffer numbers, Activations x);

  /** One layer on the live rows. */
  void layer(int index, LiveRows rows, Activations x);

  /** Prepares what a head after so many layers sees of the live rows. */
  View view(int afterLayer, Head head, LiveRows rows, Activations x);

  @Override
  void close();
}
