package dev.offramp.runtime.serve;

import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Summary;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;

/**
 * How long infer requests take that are answered with 200, from their arrival to their answer: for
 * dashboards in buckets over the whole time, for the status page in quantiles of the last minute.
 */
final class Latency {
  private static final double[] BOUNDS = {
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
    0.5, 1, 2, 5, 10
  };
  private static final int WINDOW_SECONDS = 60;
  private static final int WINDOW_STEPS = 6;

  private final DistributionDataPoint buckets;
  private final Summary lately;

  /** Of the last minute, in milliseconds; null where nothing came. */
  record Quantiles(Double p50, Double p90, Double p99) {}

  static Histogram histogram() {
    return Histogram.builder()
        .name("offramp_request_duration_seconds")
        .help("time from the arrival of an infer request to its answer, of those answered with 200")
        .labelNames("model")
        .classicOnly()
        .classicUpperBounds(BOUNDS)
        .build();
  }

  Latency(Histogram all, String model) {
    buckets = all.labelValues(model);
    lately =
        Summary.builder()
            .name("lately")
            .quantile(0.5, 0.01)
            .quantile(0.9, 0.005)
            .quantile(0.99, 0.001)
            .maxAgeSeconds(WINDOW_SECONDS)
            .numberOfAgeBuckets(WINDOW_STEPS)
            .build();
  }

  void took(long nanos) {
    buckets.observe(nanos / 1e9);
    lately.observe(nanos / 1e9);
  }

  Quantiles quantiles() {
    SummarySnapshot.SummaryDataPointSnapshot point = lately.collect().getDataPoints().getFirst();
    Double[] millis = new Double[3];
    for (int i = 0; i < millis.length; i++) {
      double value = 1e3 * point.getQuantiles().get(i).getValue();
      millis[i] = Double.isNaN(value) ? null : value;
    }
    return new Quantiles(millis[0], millis[1], millis[2]);
  }
}
