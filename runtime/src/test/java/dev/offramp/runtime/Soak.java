package dev.offramp.runtime;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.Example;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.TextData;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.engine.Outcome;
import dev.offramp.runtime.io.Inputs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Runs an engine for a long time under random load, cancellations, deadlines, faults and closing in
 * the midst of it, and checks every answer against that of the same text alone. Arguments: a
 * certified model directory, a file of texts, minutes. Ends with exit code 1 at the first thing
 * that is not as it should be.
 */
public final class Soak {
  private static final int USERS = 6;
  private static final int AHEAD = 200;
  private static final int SECONDS_A_ROUND = 45;
  private static final int BATCH = 32;
  private static final int SECONDS_FOR_AN_ANSWER = 60;

  private final List<String> texts;
  private final List<Outcome> early;
  private final List<Outcome> full;
  private final AtomicLong answered = new AtomicLong();
  private final AtomicLong cancelled = new AtomicLong();
  private final AtomicLong late = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private volatile Throwable broken;

  private record Asked(int text, boolean full, Future<Result> answer) {}

  private Soak(List<String> texts, List<Outcome> early, List<Outcome> full) {
    this.texts = texts;
    this.early = early;
    this.full = full;
  }

  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[0]);
    double minutes = Double.parseDouble(arguments[2]);
    List<String> texts;
    List<Outcome> early = new ArrayList<>();
    List<Outcome> full = new ArrayList<>();
    try (ModelDirectory model = ModelDirectory.open(directory);
        Device device = Devices.open("jvm", DeviceOptions.defaults())) {
      Inputs inputs = Inputs.read(List.of(Path.of(arguments[1])), model);
      texts = TextData.read(Path.of(arguments[1])).stream().map(Example::text).toList();
      double[] thresholds = Thresholds.certified(model, null, device.info(), false).thresholds();
      try (BatchRunner runner = BatchRunner.open(model, device, 1, inputs.longest())) {
        for (int[] tokens : inputs.rows()) {
          early.addAll(runner.run(List.of(tokens), thresholds));
          full.addAll(runner.run(List.of(tokens), BatchRunner.NEVER));
        }
      }
    }
    new Soak(texts, early, full).run(directory, Duration.ofMillis((long) (60_000 * minutes)));
  }

  private void run(Path directory, Duration length) throws Exception {
    long end = System.nanoTime() + length.toNanos();
    Random random = new Random();
    System.out.println(
        "round  seconds  answered  cancelled  late  failed  refused  heap MB  rss MB");
    long start = System.nanoTime();
    for (int round = 1; System.nanoTime() < end; round++) {
      EngineOptions options =
          (round % 2 == 0 ? EngineOptions.latency() : EngineOptions.throughput())
              .withBatch(BATCH)
              .withQueue(1 + random.nextInt(400));
      Device device = Devices.open("jvm", DeviceOptions.defaults());
      FaultyDevice faulty = new FaultyDevice(device);
      Engine engine = Engine.open(directory, options, faulty::device);
      List<Thread> users = new ArrayList<>();
      for (int u = 0; u < USERS; u++) {
        Random own = new Random(random.nextLong());
        users.add(Thread.ofPlatform().start(() -> use(engine, own)));
      }
      long closing = Math.min(end, System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_A_ROUND));
      while (System.nanoTime() < closing && broken == null) {
        Thread.sleep(500 + random.nextInt(3000));
        faulty.faults.incrementAndGet();
      }
      engine.close(); // while users go on submitting
      for (Thread user : users) {
        user.join();
      }
      long ended =
          engine.counters().done()
              + engine.counters().droppedRows()
              + engine.counters().failedRows();
      require(ended == engine.accepted(), "%d of %d accepted ended", ended, engine.accepted());
      require(device.liveBytes() == 0, "%d bytes left on the device", device.liveBytes());
      if (broken != null) {
        throw new AssertionError(broken);
      }
      System.gc();
      Runtime heap = Runtime.getRuntime();
      System.out.printf(
          "%5d %8d %9d %10d %5d %7d %8d %8d %7d%n",
          round,
          TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start),
          answered.get(),
          cancelled.get(),
          late.get(),
          failed.get(),
          refused.get(),
          (heap.totalMemory() - heap.freeMemory()) >> 20,
          residentKilobytes() >> 10);
    }
    require(answered.get() > 0 && cancelled.get() > 0, "nothing happened");
    require(late.get() > 0 && failed.get() > 0 && refused.get() > 0, "something never happened");
    System.out.println("all as it should be");
  }

  /** A user who submits until the engine is closed, and then looks at all answers. */
  private void use(Engine engine, Random random) {
    Deque<Asked> open = new ArrayDeque<>();
    try {
      while (broken == null) {
        int text = random.nextInt(texts.size());
        boolean careful = random.nextInt(10) == 0;
        Request request = Request.of(texts.get(text));
        request = careful ? request.atFullDepth() : request;
        if (random.nextInt(5) == 0) {
          request = request.within(Duration.ofMillis(random.nextInt(400)));
        }
        Future<Result> answer;
        try {
          if (random.nextInt(3) == 0) {
            Optional<Future<Result>> maybe = engine.trySubmit(request);
            if (maybe.isEmpty()) {
              refused.incrementAndGet();
              Thread.sleep(1);
              continue;
            }
            answer = maybe.get();
          } else {
            answer = engine.submit(request);
          }
        } catch (IllegalStateException e) {
          break; // closed
        }
        open.add(new Asked(text, careful, answer));
        if (random.nextInt(20) == 0) {
          answer.cancel(true);
        }
        if (open.size() > AHEAD) {
          check(open.remove());
        }
      }
      for (Asked asked : open) {
        check(asked);
      }
    } catch (Throwable e) {
      broken = e;
    }
  }

  private void check(Asked asked) throws Exception {
    try {
      Result result = asked.answer.get(SECONDS_FOR_AN_ANSWER, TimeUnit.SECONDS);
      Outcome expected = (asked.full ? full : early).get(asked.text);
      Outcome actual = new Outcome(result.prediction(), result.confidence(), result.exit());
      require(actual.equals(expected), "%s instead of %s", actual, expected);
      answered.incrementAndGet();
    } catch (CancellationException e) {
      cancelled.incrementAndGet();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case DeadlineException known -> late.incrementAndGet();
        case DeviceException known -> failed.incrementAndGet();
        default -> throw e;
      }
    } catch (TimeoutException e) {
      throw new AssertionError("an answer was lost", e);
    }
  }

  private static void require(boolean holds, String message, Object... arguments) {
    if (!holds) {
      throw new AssertionError(message.formatted(arguments));
    }
  }

  private static long residentKilobytes() throws Exception {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS"))
        .map(line -> line.replaceAll("\\D", ""))
        .mapToLong(Long::parseLong)
        .findFirst()
        .orElse(-1);
  }
}
