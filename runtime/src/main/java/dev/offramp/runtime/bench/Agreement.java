package dev.offramp.runtime.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.models.Head;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Whether a peer computes what this runtime computes: one that does not is no comparison. */
final class Agreement {
  private static final double LEAST_SHARE = 0.99;
  private static final double LEAST_COSINE = 0.999;
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
    int rows = 0;
    int agreed = 0;
    for (List<int[]> batch : batches) {
      if (rows >= ROWS) {
        break;
      }
      JsonObject answer = results.apply(batch);
      agreed +=
          runner.config().exits().isEmpty()
              ? sameDirections(runner, batch, PyTorchMode.field(answer, "pooled").getAsJsonArray())
              : samePredictions(
                  runner, batch, PyTorchMode.field(answer, "predictions").getAsJsonArray());
      rows += batch.size();
    }
    require(peer, agreed, rows);
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
    int rows = 0;
    int agreed = 0;
    for (List<int[]> batch : batches) {
      if (rows >= ROWS) {
        break;
      }
      List<Outcome> others = outcomes.apply(batch);
      List<Outcome> own = runner.run(batch, thresholds);
      for (int r = 0; r < own.size(); r++) {
        Outcome one = own.get(r);
        Outcome other = others.get(r);
        agreed += one.prediction() == other.prediction() && one.exit() == other.exit() ? 1 : 0;
      }
      rows += batch.size();
    }
    require(peer, agreed, rows);
  }

  private static void require(String peer, int agreed, int rows) {
    if (agreed < LEAST_SHARE * rows) {
      throw new PeerException(
          ("%s agrees with this runtime on %d of %d rows only, so it computes something else and is"
                  + " no comparison; leave it out of --against and please report it")
              .formatted(peer, agreed, rows));
    }
  }

  private static int samePredictions(BatchRunner runner, List<int[]> batch, JsonArray predictions) {
    requireRows(batch, predictions);
    List<Outcome> outcomes = runner.run(batch, BatchRunner.NEVER);
    int same = 0;
    for (int r = 0; r < outcomes.size(); r++) {
      same += outcomes.get(r).prediction() == predictions.get(r).getAsInt() ? 1 : 0;
    }
    return same;
  }

  private static int sameDirections(BatchRunner runner, List<int[]> batch, JsonArray pooled) {
    requireRows(batch, pooled);
    List<Head> means = Collections.nCopies(runner.stages(), Head.ofText("mean", "top1"));
    float[] own = runner.features(batch, batch.size(), means, done -> {}).getLast();
    int width = own.length / batch.size();
    int same = 0;
    for (int r = 0; r < batch.size(); r++) {
      JsonArray other = pooled.get(r).getAsJsonArray();
      double product = 0;
      double squares = 0;
      double otherSquares = 0;
      for (int i = 0; i < width; i++) {
        double x = own[r * width + i];
        double y = other.get(i).getAsDouble();
        product += x * y;
        squares += x * x;
        otherSquares += y * y;
      }
      same += product >= LEAST_COSINE * Math.sqrt(squares * otherSquares) ? 1 : 0;
    }
    return same;
  }

  private static void requireRows(List<int[]> batch, JsonArray rows) {
    if (rows.size() != batch.size()) {
      throw new PeerException(
          "the peer answered %d rows of %d".formatted(rows.size(), batch.size()));
    }
  }
}
