package dev.offramp.runtime.serve;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.management.OperatingSystemMXBean;
import dev.offramp.models.Example;
import dev.offramp.models.TextData;
import dev.offramp.runtime.bench.Arrivals;
import dev.offramp.runtime.bench.OpenLoop;
import dev.offramp.runtime.bench.Quantiles;
import dev.offramp.runtime.bench.RateSearch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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
  private static final double SHARE = 0.99;
  private static final double STEP = 1.3;
  private static final int AHEAD = 32;
  private static final long NO_LIMIT = Long.MAX_VALUE;

  /** What the server is to say of a text: label, confidence with 4 digits, exit. */
  private record Expected(String label, String confidence, String exit) {}

  private final InetSocketAddress server;
  private final int connections;
  private final int rows;
  private final byte[] head;
  private final List<byte[]> tails = new ArrayList<>(); // of bodies, after the id
  private final List<Expected> expected; // of texts, or empty
  private final int texts;

  private Load(
      URI url,
      String model,
      List<String> texts,
      List<Expected> expected,
      int rows,
      int connections,
      boolean full) {
    server = new InetSocketAddress(url.getHost(), url.getPort());
    this.connections = connections;
    this.rows = rows;
    this.expected = expected;
    this.texts = texts.size();
    head =
        "POST /v2/models/%s/infer HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
            .formatted(model, url.getAuthority())
            .getBytes(StandardCharsets.US_ASCII);
    for (int request = 0; request < texts.size(); request++) {
      List<String> data = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        data.add(texts.get(text(request, row)));
      }
      String tail =
          "\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[%d],\"data\":%s}]"
                  .formatted(rows, new Gson().toJson(data))
              + ",\"outputs\":[{\"name\":\"label\"},{\"name\":\"confidence\"},{\"name\":\"exit\"}]"
              + (full ? ",\"parameters\":{\"full_depth\":true}}" : "}");
      tails.add(tail.getBytes(StandardCharsets.UTF_8));
    }
  }

  private int text(int request, int row) {
    return (int) (((long) request * rows + row) % texts);
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
    boolean full = options.remove("full");
    Load load =
        new Load(
            URI.create(arguments[0]),
            arguments[1],
            TextData.read(Path.of(arguments[2])).stream().map(Example::text).toList(),
            arguments[3].equals("-") ? List.of() : expected(Path.of(arguments[3])),
            number(options, "rows", 1),
            number(options, "connections", 400),
            full);
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

  private static List<Expected> expected(Path file) throws IOException {
    return Files.readAllLines(file).stream()
        .skip(1)
        .map(line -> line.split("\t", -1))
        .map(fields -> new Expected(fields[1], fields[2], fields[3]))
        .toList();
  }

  private boolean once(double rate, double seconds) throws IOException {
    Flood warmUp = flood(Math.min(1, seconds / 4));
    Tally tally = load(rate, seconds, Double.POSITIVE_INFINITY, 1);
    tally.print(rate);
    return warmUp.clean() && tally.clean();
  }

  private boolean max(double p99, double seconds) throws IOException {
    List<Tally> tallies = new ArrayList<>();
    Flood flood = flood(seconds / 4);
    double start = flood.rate() / 2;
    Optional<OpenLoop.Probe> best =
        RateSearch.search(start, STEP, rate -> probe(rate, seconds / 4, p99, tallies));
    // A long run meets more of what a machine does now and then.
    while (best.isPresent()) {
      OpenLoop.Probe confirmed = probe(best.get().rate(), seconds, p99, tallies);
      if (confirmed.withinLimit()) {
        System.out.printf(
            "largest rate with p99 <= %s ms: %.1f requests/s, %.1f texts/s%n",
            plain(p99), confirmed.rate(), rows * confirmed.rate());
        break;
      }
      double less = best.get().rate() / RateSearch.PRECISION;
      best =
          less < start / 16
              ? Optional.empty()
              : Optional.of(probe(less, seconds / 4, p99, tallies));
    }
    if (best.isEmpty()) {
      System.out.printf("no rate keeps p99 <= %s ms%n", plain(p99));
    }
    return flood.clean() && tallies.stream().allMatch(Tally::clean);
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
        Tally tally = new Tally(due, Double.POSITIVE_INFINITY);
        tally.sent = client.run(due, tally, LoadClient.seconds(PATIENCE_SECONDS));
        clean &= tally.clean();
        done += AHEAD;
      } while (System.nanoTime() - begin < LoadClient.seconds(seconds));
    }
    return new Flood(done / ((System.nanoTime() - begin) / 1e9), clean);
  }

  private OpenLoop.Probe probe(double rate, double seconds, double p99, List<Tally> tallies) {
    try {
      Tally tally = load(rate, seconds, p99, 1 + tallies.size());
      tallies.add(tally);
      tally.print(rate);
      return new OpenLoop.Probe(rate, tally.withinLimit(), tally.millis(), 0, null);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private Tally load(double rate, double seconds, double limitMillis, long seed)
      throws IOException {
    long[] due = Arrivals.nanos(rate, Math.max(1, (int) Math.round(rate * seconds)), seed);
    long start = System.nanoTime() + LoadClient.seconds(0.01);
    for (int i = 0; i < due.length; i++) {
      due[i] += start;
    }
    Tally tally = new Tally(due, limitMillis);
    try (LoadClient client = new LoadClient(server, connections)) {
      tally.sent = client.run(due, tally, LoadClient.seconds(PATIENCE_SECONDS));
    }
    tally.end();
    return tally;
  }

  /** What became of the requests of a run. */
  private final class Tally implements LoadClient.Exchange {
    private final long[] due;
    private final long limitNanos;
    private final long[] latency; // 0 until answered
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

    Tally(long[] due, double limitMillis) {
      this.due = due;
      this.latency = new long[due.length];
      this.limitNanos = Double.isInfinite(limitMillis) ? NO_LIMIT : Math.round(1e6 * limitMillis);
    }

    @Override
    public ByteBuffer request(int number) {
      byte[] tail = tails.get(number % tails.size());
      byte[] id = "{\"id\":\"%d\",".formatted(number).getBytes(StandardCharsets.US_ASCII);
      byte[] length =
          "Content-Length: %d\r\n\r\n"
              .formatted(id.length + tail.length)
              .getBytes(StandardCharsets.US_ASCII);
      return ByteBuffer.allocate(head.length + length.length + id.length + tail.length)
          .put(head)
          .put(length)
          .put(id)
          .put(tail)
          .flip();
    }

    @Override
    public void answered(int number, int status, String body) {
      if (latency[number] != 0) {
        doubled++;
        return;
      }
      latency[number] = Math.max(1, System.nanoTime() - due[number]);
      answered++;
      statuses.merge(status, 1, Integer::sum);
      if (status != 200 || latency[number] > limitNanos) {
        late++;
      }
      if (status == 200) {
        check(number, body);
      }
    }

    private void check(int number, String body) {
      String problem;
      try {
        problem = problem(number, JsonParser.parseString(body).getAsJsonObject());
      } catch (RuntimeException e) {
        problem = e.toString();
      }
      if (problem != null) {
        wrong++;
        if (firstWrong == null) {
          firstWrong = "request %d: %s in %s".formatted(number, problem, body);
        }
      }
    }

    private String problem(int number, JsonObject answer) {
      if (!answer.get("id").getAsString().equals(Integer.toString(number))) {
        return "another id";
      }
      Map<String, JsonArray> outputs = new TreeMap<>();
      for (JsonElement output : answer.getAsJsonArray("outputs")) {
        JsonObject tensor = output.getAsJsonObject();
        outputs.put(tensor.get("name").getAsString(), tensor.getAsJsonArray("data"));
      }
      for (int row = 0; row < rows; row++) {
        String label = outputs.get("label").get(row).getAsString();
        float confidence = outputs.get("confidence").get(row).getAsFloat();
        int exit = outputs.get("exit").get(row).getAsInt();
        if (!expected.isEmpty()) {
          Expected as = expected.get(text(number % tails.size(), row));
          Expected is = new Expected(label, "%.4f".formatted(confidence), Integer.toString(exit));
          if (!is.equals(as)) {
            return "row %d is %s, not %s,".formatted(row, is, as);
          }
        }
      }
      return null;
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

    void end() {
      seconds = (System.nanoTime() - due[0]) / 1e9;
      cpuSeconds = (cpuNanos() - cpu) / 1e9;
    }

    boolean withinLimit() {
      return sent == due.length && late <= mayBeLate();
    }

    boolean clean() {
      return lost == 0 && doubled == 0 && wrong == 0 && sent == answered + refused;
    }

    double[] millis() {
      return Arrays.stream(latency)
          .filter(n -> n != 0)
          .mapToDouble(n -> n / 1e6)
          .sorted()
          .toArray();
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
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }
}
