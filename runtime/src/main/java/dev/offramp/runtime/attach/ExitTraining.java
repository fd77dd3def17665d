package dev.offramp.runtime.attach;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Trains the heads of all exits on features of a frozen encoder. Heads are independent given the
 * last one, so they are trained in parallel; the result does not depend on the number of threads.
 */
public final class ExitTraining {
  private ExitTraining() {}

  /**
   * Trains the head after the last layer.
   *
   * @param features F32 [n, width], row after row
   * @param labels class of each sample
   */
  public static TrainedHead last(
      float[] features, int width, int[] labels, int classes, long seed) {
    return SoftmaxRegression.fit(
        features, width, Targets.ofLabels(labels, classes), SoftmaxRegression.Options.of(seed));
  }

  /**
   * Trains the heads of the earlier exits towards the same targets.
   *
   * @param features for each exit F32 [n, width], each of its own width
   * @param done called with the number of heads that are finished
   */
  public static List<TrainedHead> earlier(
      List<float[]> features, Targets targets, long seed, int threads, IntConsumer done) {
    AtomicInteger finished = new AtomicInteger();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<TrainedHead>> heads =
          features.stream()
              .map(ofExit ->
                  pool.submit(() -> {
                    TrainedHead head =
                        SoftmaxRegression.fit(
                            ofExit,
                            ofExit.length / targets.samples(),
                            targets,
                            SoftmaxRegression.Options.of(seed));
                    done.accept(finished.incrementAndGet());
                    return head;
                  }))
              .toList();
      List<TrainedHead> trained = new ArrayList<>();
      for (Future<TrainedHead> head : heads) {
        trained.add(head.get());
      }
      return trained;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException thrown -> throw thrown;
        case Error thrown -> throw thrown;
        case Throwable thrown ->
            throw new AssertionError("training throws nothing checked", thrown);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while heads were trained", e);
    }
  }

  /**
   * What a head says of every sample: the targets of distillation.
   *
   * @param weight [classes][width]
   * @param bias [classes]
   * @param features F32 [n, width]
   */
  public static Targets answers(float[][] weight, float[] bias, float[] features, int width) {
    int samples = features.length / width;
    float[][] distribution = new float[samples][bias.length];
    for (int i = 0; i < samples; i++) {
      double[] logits = new double[bias.length];
      double most = Double.NEGATIVE_INFINITY;
      for (int c = 0; c < bias.length; c++) {
        double sum = bias[c];
        for (int j = 0; j < width; j++) {
          sum += (double) weight[c][j] * features[i * width + j];
        }
        logits[c] = sum;
        most = Math.max(most, sum);
      }
      double total = 0;
      for (int c = 0; c < bias.length; c++) {
        logits[c] = Math.exp(logits[c] - most);
        total += logits[c];
      }
      for (int c = 0; c < bias.length; c++) {
        distribution[i][c] = (float) (logits[c] / total);
      }
    }
    return new Targets(distribution);
  }
}
