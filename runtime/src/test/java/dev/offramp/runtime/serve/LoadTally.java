package dev.offramp.runtime.serve;

import com.sun.management.OperatingSystemMXBean;
import dev.offramp.runtime.bench.Quantiles;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** What became of the requests of a run. */
final class LoadTally implements LoadClient.Exchange {
  private static final double SHARE = 0.99;
  private static final long NO_LIMIT = Long.MAX_VALUE;

  private final LoadRequests requests;
  private final long[] due;
  private final long limitNanos;
  private final long[] latency; // nanoseconds, 0 until answered, below 0 unless by a 200
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final long cpu = cpuNanos();
  private double cpuSeconds;
  private double seconds;
  private int sent;
  private int answered;
  private int late;
  private int refused;
  private int lost;
  private int doubled;
  private int wrong;
  private int overdue; // requests whose limit has passed
  private int overdueAnswered;
  private String firstWrong;

  /**
   * @param due of {@link System#nanoTime}, ascending
   * @param limitMillis that 99 % of the latencies are to stay within; may be infinite
   */
  LoadTally(LoadRequests requests, long[] due, double limitMillis) {
    this.requests = requests;
    this.due = due;
    this.latency = new long[due.length];
    this.limitNanos = Double.isInfinite(limitMillis) ? NO_LIMIT : Math.round(1e6 * limitMillis);
  }

  @Override
  public ByteBuffer request(int number) {
    return requests.request(number);
  }

  @Override
  public void answered(int number, int status, String body) {
    if (latency[number] != 0) {
      doubled++;
      return;
    }
    long nanos = Math.max(1, System.nanoTime() - due[number]);
    latency[number] = status == 200 ? nanos : -nanos;
    answered++;
    statuses.merge(status, 1, Integer::sum);
    if (status != 200 || nanos > limitNanos) {
      late++;
    }
    if (status == 200) {
      check(number, body);
    }
  }

  private void check(int number, String body) {
    String problem = requests.problem(number, body);
    if (problem != null) {
      wrong++;
      if (firstWrong == null) {
        firstWrong = "request %d: %s in %s".formatted(number, problem, body);
      }
    }
  }

  @Override
  public void refused(int number) {
    refused++;
    late++;
  }

  @Override
  public void lost(int number) {
    lost++;
    late++;
  }

  @Override
  public void unasked() {
    doubled++;
  }

  /** Whether so many are late already that the limit cannot be kept any more. */
  @Override
  public boolean enough() {
    if (limitNanos == NO_LIMIT) {
      return false;
    }
    long now = System.nanoTime();
    while (overdue < due.length && now - due[overdue] > limitNanos) {
      overdueAnswered += latency[overdue] == 0 ? 0 : 1;
      overdue++;
    }
    // What was not answered when its limit passed is late, whether it is answered by now or not.
    return Math.max(late, overdue - overdueAnswered) > mayBeLate();
  }

  private int mayBeLate() {
    return due.length - (int) Math.ceil(SHARE * due.length);
  }

  /** The run is over, and so many requests were due. */
  void end(int requestsSent) {
    sent = requestsSent;
    seconds = (System.nanoTime() - due[0]) / 1e9;
    cpuSeconds = (cpuNanos() - cpu) / 1e9;
  }

  boolean withinLimit() {
    return sent == due.length && late <= mayBeLate();
  }

  /** Whether nothing was lost, answered twice or wrongly. */
  boolean clean() {
    return lost == 0 && doubled == 0 && wrong == 0 && sent == answered + refused;
  }

  /** Latencies of the requests that were answered by 200, ascending. */
  double[] millis() {
    return Arrays.stream(latency).filter(n -> n > 0).mapToDouble(n -> n / 1e6).sorted().toArray();
  }

  void print(double rate) {
    System.out.printf(
        "%.1f requests/s: sent %d, answered %d %s, refused %d, lost %d, doubled %d, wrong %d%n",
        rate, sent, answered, statuses, refused, lost, doubled, wrong);
    double[] millis = millis();
    if (millis.length > 0) {
      System.out.printf(
          "  ms: p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f%s%n",
          Quantiles.of(millis, 0.5),
          Quantiles.of(millis, 0.9),
          Quantiles.of(millis, 0.99),
          Quantiles.of(millis, 0.999),
          millis[millis.length - 1],
          sent < due.length ? " (ended early: too many were late)" : "");
    }
    System.out.printf(
        "  %.1f answers/s; the generator took %.2f s of processor time in %.1f s%n",
        answered / seconds, cpuSeconds, seconds);
    if (firstWrong != null) {
      System.out.println("  " + firstWrong);
    }
  }

  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }
}
