package dev.offramp.runtime.serve;

import dev.offramp.models.Example;
import dev.offramp.models.TextData;
import dev.offramp.runtime.bench.Arrivals;
import dev.offramp.runtime.bench.OpenLoop;
import dev.offramp.runtime.bench.RateSearch;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleFunction;

/**
 * Puts a load on a running server and checks every answer: requests come as a Poisson process,
 * whether earlier ones are answered or not, and a latency runs from the time a request was due.
 *
 * <pre>
 * Load URL MODEL TEXTS.tsv EXPECTED.tsv|- RATE SECONDS [full] [rows=1] [connections=400]
 * Load URL MODEL TEXTS.tsv EXPECTED.tsv|- max P99_MILLIS SECONDS [full] [rows=1] [connections=400]
 * </pre>
 *
 * <p>RATE is in requests a second, of {@code rows} texts each; before that it sends for a second as
 * fast as answers come, to warm up. EXPECTED is what {@code offramp run} prints for TEXTS, with
 * {@code full} that of {@code --full-depth}. {@code max} looks for the largest rate that keeps 99 %
 * of the requests within so many milliseconds, with runs of a quarter of SECONDS, and then confirms
 * it with a whole one. Exit code 1 if a request was lost, answered twice or wrongly.
 */
public final class Load {
  private static final int PATIENCE_SECONDS = 60;
  private static final double STEP = 1.3;
  private static final int AHEAD = 32;

  private final InetSocketAddress server;
  private final LoadRequests requests;
  private final int connections;

  private Load(URI url, LoadRequests requests, int connections) {
    this.server = new InetSocketAddress(url.getHost(), url.getPort());
    this.requests = requests;
    this.connections = connections;
  }

  public static void main(String[] arguments) throws IOException {
    System.exit(run(arguments) ? 0 : 1);
  }

  /** Whether everything was answered, once and rightly. */
  static boolean run(String... arguments) throws IOException {
    List<String> options =
        new ArrayList<>(
            List.of(arguments).subList(Math.min(6, arguments.length), arguments.length));
    boolean max = arguments[4].equals("max");
    double seconds = Double.parseDouble(max ? options.removeFirst() : arguments[5]);
    URI url = URI.create(arguments[0]);
    LoadRequests requests =
        new LoadRequests(
            url,
            arguments[1],
            TextData.read(Path.of(arguments[2])).stream().map(Example::text).toList(),
            arguments[3].equals("-") ? List.of() : expected(Path.of(arguments[3])),
            number(options, "rows", 1),
            options.remove("full"));
    Load load = new Load(url, requests, number(options, "connections", 400));
    if (!options.isEmpty()) {
      throw new IllegalArgumentException("not understood: " + options);
    }
    return max
        ? load.max(Double.parseDouble(arguments[5]), seconds)
        : load.once(Double.parseDouble(arguments[4]), seconds);
  }

  private static int number(List<String> options, String name, int otherwise) {
    for (String option : options) {
      if (option.startsWith(name + "=")) {
        options.remove(option);
        return Integer.parseInt(option.substring(name.length() + 1));
      }
    }
    return otherwise;
  }

  private static List<LoadRequests.Expected> expected(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .skip(1)
        .map(line -> line.split("\t", -1))
        .map(fields -> new LoadRequests.Expected(fields[1], fields[2], fields[3]))
        .toList();
  }

  private boolean once(double rate, double seconds) throws IOException {
    Flood warmUp = flood(Math.min(1, seconds / 4));
    LoadTally tally = load(rate, seconds, Double.POSITIVE_INFINITY, 1);
    tally.print(rate);
    return warmUp.clean() && tally.clean();
  }

  private boolean max(double p99, double seconds) throws IOException {
    List<LoadTally> tallies = new ArrayList<>();
    Flood warmUp = flood(seconds / 4);
    Flood flood = flood(seconds / 4);
    double start = flood.rate() / 2;
    DoubleFunction<OpenLoop.Probe> tried = rate -> probe(rate, seconds / 4, p99, tallies);
    Optional<OpenLoop.Probe> best = RateSearch.search(start, STEP, tried);
    while (best.isPresent() && best.get().rate() * STEP > RateSearch.LARGEST_SHARE * start) {
      start = best.get().rate(); // nothing was too much: the guess was far too low
      best = RateSearch.search(start, STEP, tried);
    }
    // A long run meets more of what a machine does now and then.
    while (best.isPresent()) {
      OpenLoop.Probe confirmed = probe(best.get().rate(), seconds, p99, tallies);
      if (confirmed.withinLimit()) {
        System.out.printf(
            "largest rate with p99 <= %s ms: %.1f requests/s, %.1f texts/s%n",
            plain(p99), confirmed.rate(), requests.rows() * confirmed.rate());
        break;
      }
      double less = best.get().rate() / RateSearch.PRECISION;
      best =
          less < start / RateSearch.LARGEST_SHARE
              ? Optional.empty()
              : Optional.of(probe(less, seconds / 4, p99, tallies));
    }
    if (best.isEmpty()) {
      System.out.printf("no rate keeps p99 <= %s ms%n", plain(p99));
    }
    return warmUp.clean() && flood.clean() && tallies.stream().allMatch(LoadTally::clean);
  }

  /** What came of sending requests as fast as they are answered. */
  private record Flood(double rate, boolean clean) {}

  /** Warms up both sides, and tells what rates to think of. */
  private Flood flood(double seconds) throws IOException {
    long[] due = new long[AHEAD];
    int done = 0;
    boolean clean = true;
    long begin = System.nanoTime();
    try (LoadClient client = new LoadClient(server, connections)) {
      do {
        Arrays.fill(due, System.nanoTime());
        LoadTally tally = new LoadTally(requests, due, Double.POSITIVE_INFINITY);
        tally.end(client.run(due, tally, LoadClient.seconds(PATIENCE_SECONDS)));
        clean &= tally.clean();
        done += AHEAD;
      } while (System.nanoTime() - begin < LoadClient.seconds(seconds));
    }
    return new Flood(done / ((System.nanoTime() - begin) / 1e9), clean);
  }

  private OpenLoop.Probe probe(double rate, double seconds, double p99, List<LoadTally> tallies) {
    try {
      LoadTally tally = load(rate, seconds, p99, 1 + tallies.size());
      tallies.add(tally);
      tally.print(rate);
      return new OpenLoop.Probe(rate, tally.withinLimit(), tally.millis(), 0, null);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private LoadTally load(double rate, double seconds, double limitMillis, long seed)
      throws IOException {
    long[] due = Arrivals.nanos(rate, Math.max(1, (int) Math.round(rate * seconds)), seed);
    long start = System.nanoTime() + LoadClient.seconds(0.01);
    for (int i = 0; i < due.length; i++) {
      due[i] += start;
    }
    LoadTally tally = new LoadTally(requests, due, limitMillis);
    try (LoadClient client = new LoadClient(server, connections)) {
      tally.end(client.run(due, tally, LoadClient.seconds(PATIENCE_SECONDS)));
    }
    return tally;
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }
}
