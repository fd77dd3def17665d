package dev.offramp.runtime;

import static java.util.Objects.requireNonNull;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.models.ImageData;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.PixelBudget;
import dev.offramp.models.WordPieceTokenizer;
import dev.offramp.runtime.engine.Floors;
import dev.offramp.runtime.engine.Network;
import dev.offramp.runtime.engine.Scope;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.scheduler.CostModel;
import dev.offramp.runtime.scheduler.Counters;
import dev.offramp.runtime.scheduler.Worker;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * A model directory that answers requests from any number of threads. Requests of any age run
 * together on the device, each leaves at the first exit whose confidence is above its threshold,
 * and its future is done as soon as it has left.
 *
 * {@snippet :
 * EngineOptions options = EngineOptions.throughput().withBatch(64);
 * try (Engine engine = Engine.open(Path.of("classifier"), options)) {
 *   Future<Result> urgent =
 *       engine.submit(Request.of("where is my card").within(Duration.ofSeconds(30)));
 *   Future<Result> careful = engine.submit(Request.of("close my account").atFullDepth());
 *   List<Future<Result>> answers = new ArrayList<>();
 *   for (String text : texts) {
 *     answers.add(engine.submit(text)); // waits while the queue is full
 *   }
 *   for (Future<Result> answer : answers) {
 *     Result result = answer.get();
 *     System.out.println(result.label() + " by exit " + result.exit());
 *   }
 *   System.out.println(urgent.get().label() + ", " + careful.get().label());
 * }
 * }
 *
 * <p>A future fails with an {@link java.util.concurrent.ExecutionException} whose cause is a {@link
 * DeadlineException} if the request's deadline passed, or what the device failed with if it failed
 * while it ran the request; other requests are unharmed. Cancelling a future takes its row out of
 * the computation before its next stage.
 *
 * <p>Closing takes no more requests, answers all that were accepted, then frees the device. All
 * methods may be called by any thread.
 */
public final class Engine implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Engine.class.getName());

  private final Scope owned = new Scope();
  private final ModelConfig config;
  private final String modelHash;
  private final WordPieceTokenizer tokenizer;
  private final Thresholds thresholds;
  private final Device device;
  private final Worker worker;
  private volatile boolean fullDepth;

  /**
   * Opens a model directory on a device, and warms the device up, which takes some seconds: when
   * this returns, the engine is ready. What makes the device slow and what weakens the guarantee is
   * logged as a warning.
   *
   * @throws dev.offramp.models.InputException if the directory or its certificate is damaged or has
   *     no exit heads
   * @throws NoGuaranteeException if there is no certificate for this model and device, and the
   *     options do not say that none is wanted
   * @throws dev.offramp.kernels.DeviceException if there is no such device or it fails
   */
  public static Engine open(Path modelDirectory, EngineOptions options) {
    return open(
        requireNonNull(modelDirectory, "modelDirectory is null"),
        requireNonNull(options, "options is null"),
        () ->
            Devices.open(
                options.device(),
                new DeviceOptions(options.threads(), options.precision(), Cache.ofDevices())));
  }

  /** As {@link #open(Path, EngineOptions)}, on a device that the engine closes. */
  static Engine open(Path modelDirectory, EngineOptions options, Supplier<Device> device) {
    return new Engine(modelDirectory, options, device);
  }

  private Engine(Path modelDirectory, EngineOptions options, Supplier<Device> opener) {
    // The weights are copied to the device: the files may be closed and replaced afterwards.
    try (ModelDirectory model = ModelDirectory.open(modelDirectory);
        Scope failed = new Scope()) {
      failed.add(owned);
      config = model.config();
      modelHash = model.hash();
      tokenizer = config.takesTexts() ? model.tokenizer() : null;
      Thresholds.requireHeads(model);
      device = owned.add(opener.get());
      thresholds = Thresholds.of(model, options.policy(), device.info());
      if (!device.info().note().isEmpty()) {
        LOG.log(System.Logger.Level.WARNING, device.info().id() + ": " + device.info().note());
      }
      thresholds.notes().forEach(note -> LOG.log(System.Logger.Level.WARNING, note));
      Network network = owned.add(Network.open(model, device));
      worker =
          owned.add(
              new Worker(
                  "offramp-scheduler",
                  network,
                  Floors.of(thresholds.thresholds(), network.stages()),
                  options.batch(),
                  config.longestRow(),
                  options.maxWait().toNanos(),
                  options.queue()));
      failed.release();
    }
  }

  /** As {@link #submit(Request)}, without a deadline. */
  public Future<Result> submit(String text) throws InterruptedException {
    return submit(Request.of(text));
  }

  /**
   * Hands a request over. While the queue is full it waits for room, but not beyond the request's
   * deadline.
   *
   * @throws dev.offramp.models.InputException if an image cannot be read or is not one PNG or JPEG
   *     file
   * @throws IllegalArgumentException if the model takes texts and this is an image, or the reverse,
   *     or if prepared numbers are too many, too few or no tokens of the model
   * @throws IllegalStateException if the engine is closed
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public Future<Result> submit(Request request) throws InterruptedException {
    Pending pending = pending(request);
    if (!worker.queue().put(pending)) {
      pending.dropped();
    }
    return pending;
  }

  /**
   * Hands a request over, if there is room in the queue at once.
   *
   * @return the answer to come, or nothing if the queue is full
   * @throws dev.offramp.models.InputException if an image cannot be read or is not one PNG or JPEG
   *     file
   * @throws IllegalArgumentException if the model takes texts and this is an image, or the reverse,
   *     or if prepared numbers are too many, too few or no tokens of the model
   * @throws IllegalStateException if the engine is closed
   */
  public Optional<Future<Result>> trySubmit(Request request) {
    return trySubmitAll(List.of(request)).map(List::getFirst);
  }

  /**
   * Hands over requests that belong together, if there is room for all of them at once.
   *
   * @return the answers to come, in the order of the requests, or nothing if they do not fit the
   *     queue
   * @throws RuntimeException as {@link #trySubmit} does, and none of them is handed over then
   */
  public Optional<List<Future<Result>>> trySubmitAll(List<Request> requests) {
    List<Pending> pending = requests.stream().map(this::pending).toList();
    return worker.queue().offerAll(pending) ? Optional.of(List.copyOf(pending)) : Optional.empty();
  }

  /**
   * Has a request audited: run to the last exit in time that no other request has a use for, and
   * not at all if the engine is closed before; then the future is cancelled. Its depth and deadline
   * do not count, nor does {@link #stopExiting}.
   *
   * @return what is found, or nothing if too many wait already or the engine is closed
   * @throws dev.offramp.models.InputException if an image cannot be read or is not one PNG or JPEG
   *     file
   * @throws IllegalArgumentException if the model takes texts and this is an image, or the reverse,
   *     or if prepared numbers are too many, too few or no tokens of the model
   */
  public Optional<Future<Audited>> tryAudit(Request request) {
    PendingAudit audit =
        new PendingAudit(row(request.input()), request.probabilities(), config.labels());
    return worker.queue().offerBackground(audit) ? Optional.of(audit.answer()) : Optional.empty();
  }

  /**
   * The same request with its input as the network takes it, to be submitted more than once without
   * the work being done again.
   *
   * @throws RuntimeException as {@link #trySubmit} does
   */
  public Request prepared(Request request) {
    int[] row = row(request.input());
    if (request.input() instanceof Request.Prepared) {
      return request; // A copy would take the memory of each waiting request twice.
    }
    return new Request(
        new Request.Prepared(row),
        request.deadline(),
        request.fullDepth(),
        request.probabilities());
  }

  /** From now on nobody exits early, those on their way included; it cannot be taken back. */
  public void stopExiting() {
    fullDepth = true;
  }

  private Pending pending(Request request) {
    return new Pending(row(request.input()), request, () -> fullDepth, config.labels());
  }

  private int[] row(Request.Input input) {
    return switch (input) {
      case Request.Text(String text) when tokenizer != null ->
          tokenizer.encode(text, config.longestRow());
      case Request.Image(Path file) when tokenizer == null ->
          ImageData.picture(file, config).pixels();
      case Request.ImageBytes(byte[] bytes) when tokenizer == null ->
          ImageData.picture(bytes, "the image", config, PixelBudget.ofOne()).pixels();
      case Request.Prepared(int[] numbers) -> prepared(numbers);
      default ->
          throw new IllegalArgumentException(
              "the model takes " + (tokenizer == null ? "images, not texts" : "texts, not images"));
    };
  }

  private int[] prepared(int[] numbers) {
    int least = tokenizer == null ? config.longestRow() : 1;
    if (numbers.length < least || numbers.length > config.longestRow()) {
      throw new IllegalArgumentException(
          "an input of %d numbers: the model takes %s%d"
              .formatted(numbers.length, tokenizer == null ? "" : "1 to ", config.longestRow()));
    }
    if (tokenizer != null) {
      requireTokens(numbers);
    }
    return numbers;
  }

  /** On the device an unknown token would fail the whole step, the rows of others included. */
  private void requireTokens(int[] numbers) {
    int vocabulary = config.bert().vocabSize();
    for (int id : numbers) {
      if (id < 0 || id >= vocabulary) {
        throw new IllegalArgumentException(
            "an input with token %d: the model knows 0 to %d".formatted(id, vocabulary - 1));
      }
    }
  }

  /** The names of the classes, in the order of their numbers. */
  public List<String> labels() {
    return config.labels();
  }

  /** What the engine runs on. */
  public DeviceInfo device() {
    return device.info();
  }

  /** Bytes that the model and the rows on their way take on the device. */
  public long deviceBytes() {
    return device.liveBytes();
  }

  /** At which thresholds rows exit, and what guarantees them. */
  public Thresholds thresholds() {
    return thresholds;
  }

  /** What stages cost on the device, as measured when the engine was opened. */
  public CostModel cost() {
    return worker.cost();
  }

  /** What has been done so far. */
  public Counters counters() {
    return worker.counters();
  }

  /** Requests that were accepted so far: each is done, cancelled, late or failed in the end. */
  public long accepted() {
    return worker.queue().accepted();
  }

  /** Requests that wait in the queue at the moment. */
  public int queued() {
    return worker.queue().size();
  }

  /** Requests that may wait in the queue. */
  public int queueCapacity() {
    return worker.queue().capacity();
  }

  /** Whether {@link #stopExiting} was called. */
  public boolean exitsStopped() {
    return fullDepth;
  }

  /** Requests that wait to be audited at the moment. */
  public int queuedAudits() {
    return worker.queue().backgroundSize();
  }

  /** Whether requests are taken: not once it is closed, nor if the scheduler has failed. */
  public boolean isOpen() {
    return worker.queue().isOpen();
  }

  /** SHA-256 of what the model directory held when the engine was opened. */
  public String modelHash() {
    return modelHash;
  }

  /** The model directory's configuration. */
  public ModelConfig config() {
    return config;
  }

  /** Takes no more requests, answers all that were accepted, and frees the device. */
  @Override
  public synchronized void close() {
    owned.close();
  }
}
