package dev.offramp.runtime.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Head;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/** Whether a peer computes what this runtime computes: one that does not is no comparison. */
final class Agreement {
  private static final double LEAST_SHARE = 0.99;
  static final double LEAST_COSINE = 0.999;

  /**
   * Where one side has the weights that the other's were rounded from, to int8. MiniLM's texts have
   * 0.993 and more then; another network of the same width came to 0.43.
   */
  static final double LEAST_ROUNDED_COSINE = 0.95;

  private static final int ROWS = 256;

  private Agreement() {}

  /**
   * Compares the full model's predictions, or for a model without exits the directions of its mean
   * hidden states, on the first batches that hold {@value #ROWS} rows.
   *
   * @param results answers a batch with {@code predictions} [rows] or {@code pooled} [rows, width]
   * @throws PeerException if fewer than 99 % of the rows agree
   */
  static void require(
      String peer,
      BatchRunner runner,
      List<List<int[]>> batches,
      Function<List<int[]>, JsonObject> results) {
    if (runner.config().exits().isEmpty()) {
      requireDirections(peer, runner, batches, LEAST_COSINE, batch -> pooled(results.apply(batch)));
    } else {
      require(
          peer,
          batches,
          batch ->
              samePredictions(
                  runner,
                  batch,
                  PyTorchMode.field(results.apply(batch), "predictions").getAsJsonArray()));
    }
  }

  /**
   * As the other one, by predictions and exits.
   *
   * @param thresholds of the exits before the last
   */
  static void require(
      String peer,
      BatchRunner runner,
      List<List<int[]>> batches,
      double[] thresholds,
      Function<List<int[]>, List<Outcome>> outcomes) {
    require(peer, batches, batch -> same(runner.run(batch, thresholds), outcomes.apply(batch)));
  }

  /**
   * As the other ones, by the directions of the last layer's mean hidden states, of models with
   * exits, too.
   *
   * @param leastCosine between directions that are the same
   * @param pooled answers a batch with the means, shape [rows][width]
   */
  static void requireDirections(
      String peer,
      BatchRunner runner,
      List<List<int[]>> batches,
      double leastCosine,
      Function<List<int[]>, float[][]> pooled) {
    require(
        peer,
        batches,
        batch -> sameDirections(peer, runner, batch, leastCosine, pooled.apply(batch)));
  }

  /**
   * @param agreeing says of a batch how many of its rows agree
   */
  private static void require(
      String peer, List<List<int[]>> batches, ToIntFunction<List<int[]>> agreeing) {
    int rows = 0;
    int agreed = 0;
    for (List<int[]> batch : batches) {
      if (rows >= ROWS) {
        break;
      }
      agreed += agreeing.applyAsInt(batch);
      rows += batch.size();
    }
    if (agreed < LEAST_SHARE * rows) {
      throw new PeerException(
          ("%s agrees with this runtime on %d of %d rows only, so it computes something else and is"
                  + " no comparison; leave it out of --against and please report it%s")
              .formatted(peer, agreed, rows, unlessNamed(peer)));
    }
  }

  private static String unlessNamed(String peer) {
    return peer.equals(OnnxMode.FP32) || peer.equals(OnnxMode.CUDA)
        ? ", unless --onnx names an int8 file or that of another network"
        : "";
  }

  private static int same(List<Outcome> own, List<Outcome> others) {
    int same = 0;
    for (int r = 0; r < own.size(); r++) {
      Outcome one = own.get(r);
      Outcome other = others.get(r);
      same += one.prediction() == other.prediction() && one.exit() == other.exit() ? 1 : 0;
    }
    return same;
  }

  private static int samePredictions(BatchRunner runner, List<int[]> batch, JsonArray predictions) {
    requireRows(batch, predictions.size());
    List<Outcome> outcomes = runner.run(batch, BatchRunner.NEVER);
    int same = 0;
    for (int r = 0; r < outcomes.size(); r++) {
      same += outcomes.get(r).prediction() == predictions.get(r).getAsInt() ? 1 : 0;
    }
    return same;
  }

  private static int sameDirections(
      String peer, BatchRunner runner, List<int[]> batch, double leastCosine, float[][] pooled) {
    requireRows(batch, pooled.length);
    // The mean over a text's tokens, or over all pixels of an image.
    Head mean =
        switch (runner.config().architecture()) {
          case BertArchitecture _ -> Head.ofText("mean", "top1");
          case ResnetArchitecture _ -> Head.ofImage(1, "top1");
        };
    List<Head> means = Collections.nCopies(runner.stages(), mean);
    float[] own = runner.features(batch, batch.size(), means, done -> {}).getLast();
    int width = own.length / batch.size();
    int same = 0;
    for (int r = 0; r < batch.size(); r++) {
      if (pooled[r].length != width) {
        throw new PeerException(
            ("%s has hidden states of %d numbers and this model has %d, so it computes something"
                    + " else and is no comparison; leave it out of --against and please report it%s")
                .formatted(peer, pooled[r].length, width, unlessNamed(peer)));
      }
      double product = 0;
      double squares = 0;
      double otherSquares = 0;
      for (int i = 0; i < width; i++) {
        double x = own[r * width + i];
        double y = pooled[r][i];
        product += x * y;
        squares += x * x;
        otherSquares += y * y;
      }
      same += product >= leastCosine * Math.sqrt(squares * otherSquares) ? 1 : 0;
    }
    return same;
  }

  private static float[][] pooled(JsonObject answer) {
    JsonArray rows = PyTorchMode.field(answer, "pooled").getAsJsonArray();
    float[][] pooled = new float[rows.size()][];
    for (int r = 0; r < pooled.length; r++) {
      JsonArray row = rows.get(r).getAsJsonArray();
      pooled[r] = new float[row.size()];
      for (int i = 0; i < pooled[r].length; i++) {
        pooled[r][i] = row.get(i).getAsFloat();
      }
    }
    return pooled;
  }

  private static void requireRows(List<int[]> batch, int rows) {
    if (rows != batch.size()) {
      throw new PeerException("the peer answered %d rows of %d".formatted(rows, batch.size()));
    }
  }
}
