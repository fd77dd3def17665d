package dev.offramp.runtime.serve;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.offramp.models.InputException;
import dev.offramp.runtime.NoGuaranteeException;
import dev.offramp.runtime.serve.http.Call;
import dev.offramp.runtime.serve.http.Reply;
import dev.offramp.runtime.serve.http.Service;
import dev.offramp.runtime.serve.protocol.BadRequestException;
import dev.offramp.runtime.serve.protocol.InferLimits;
import dev.offramp.runtime.serve.protocol.Metadata;
import dev.offramp.runtime.serve.protocol.RepositoryRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.IntSupplier;
import java.util.regex.Pattern;

/** What is at which path. */
final class Router implements Service, AutoCloseable {
  /** What models may be called: it is a segment of a path as it is. */
  static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

  private static final System.Logger LOG = System.getLogger(Router.class.getName());
  private static final List<String> EXTENSIONS = List.of("model_repository");
  private static final String HEALTH = "/v2/health/";
  private static final String GET = "GET";
  private static final String POST = "POST";
  private static final Gson GSON =
      new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  private final Map<String, ServedModel> models = new LinkedHashMap<>();
  private final Metrics metrics;
  private final Inference inference;
  private final String version;
  private final boolean mayLoad;
  private final Page page = Page.read();
  private final long started = System.nanoTime();
  private volatile boolean warm;
  private volatile boolean draining;
  private volatile IntSupplier connections = () -> 0;

  /**
   * @param version of Offramp
   * @param mayLoad whether clients may have models loaded anew
   */
  Router(
      List<ServedModel> served,
      Metrics metrics,
      InferLimits limits,
      String version,
      boolean mayLoad) {
    served.forEach(model -> models.put(model.name(), model));
    this.metrics = metrics;
    this.version = version;
    this.mayLoad = mayLoad;
    inference = new Inference(metrics, limits);
  }

  void watch(IntSupplier openConnections) {
    connections = openConnections;
  }

  /** What the first requests would wait for, done beforehand. The models are loaded. */
  void warmUp(Duration time) {
    models.values().forEach(model -> inference.warmUp(model, time));
    warm = true;
  }

  /** From now on the service says that it is not ready. */
  void drain() {
    draining = true;
  }

  /** Who asks for health has no token, and the page itself tells nothing. */
  @Override
  public boolean isPublic(String path) {
    return path.equals("/") || path.startsWith(HEALTH);
  }

  @Override
  public Reply answer(Call call) throws InterruptedException {
    return switch (call.path()) {
      case "/" -> only(GET, call, page::reply);
      case "/status" -> only(GET, call, () -> json(200, status()));
      case "/metrics" ->
          only(GET, call, () -> new Reply(200, metrics.contentType(), metrics.scrape(), Map.of()));
      case "/v2" -> only(GET, call, () -> Reply.json(200, Metadata.server(version, EXTENSIONS)));
      case HEALTH + "live" -> only(GET, call, this::live);
      case HEALTH + "ready" -> only(GET, call, this::ready);
      case "/v2/repository/index" ->
          only(POST, call, () -> json(200, index(RepositoryRequest.index(call.body()))));
      default -> ofModel(call);
    };
  }

  /** An endpoint. */
  private interface Endpoint {
    Reply reply() throws InterruptedException;
  }

  private static Reply only(String method, Call call, Endpoint endpoint)
      throws InterruptedException {
    if (!call.method().equals(method)) {
      return Reply.error(405, "use " + method + " here").with("Allow", method);
    }
    try {
      return endpoint.reply();
    } catch (BadRequestException e) {
      return Reply.error(400, e.getMessage());
    }
  }

  /** {@code /v2/models/NAME[/versions/VERSION][/ready|/infer]} and {@code /v2/repository/…}. */
  private Reply ofModel(Call call) throws InterruptedException {
    // The empty text before the first slash is left out.
    List<String> path = List.of(call.path().substring(1).split("/", -1));
    boolean load = path.size() == 5 && call.path().startsWith("/v2/repository/models/");
    if (!load && !(path.size() >= 3 && call.path().startsWith("/v2/models/"))) {
      return nothingHere();
    }
    String name = path.get(load ? 3 : 2);
    if (!NAME.matcher(name).matches()) {
      return Reply.error(
          400, "a model's name is made of letters, digits, '.', '_' and '-', and begins with one");
    }
    ServedModel model = models.get(name);
    if (model == null) {
      return Reply.error(
          404, "no model is called '%s'; POST /v2/repository/index lists them".formatted(name));
    }
    if (load) {
      return path.get(4).equals("load") ? only(POST, call, () -> load(model, call)) : nothingHere();
    }
    List<String> rest = path.subList(3, path.size());
    if (rest.size() >= 2 && rest.getFirst().equals("versions")) {
      ServedModel.Loaded now = model.current();
      if (now == null || !now.version().equals(rest.get(1))) {
        return Reply.error(
            404,
            "model '%s' is served in version %s only"
                .formatted(name, now == null ? "(not loaded yet)" : now.version()));
      }
      rest = rest.subList(2, rest.size());
    }
    return switch (String.join("/", rest)) {
      case "" -> only(GET, call, () -> metadata(model));
      case "ready" -> only(GET, call, () -> ready(model));
      case "infer" -> only(POST, call, () -> inference.answer(model, call));
      default -> nothingHere();
    };
  }

  private static Reply nothingHere() {
    return Reply.error(404, "there is nothing at this path; models are at /v2/models/NAME");
  }

  private Reply live() {
    boolean failed =
        models.values().stream().anyMatch(model -> model.state() == ServedModel.State.FAILED);
    return failed
        ? Reply.error(503, "a model has failed; see the log, and restart the service")
        : Reply.json(200, Metadata.serverLive());
  }

  private Reply ready() {
    boolean all =
        models.values().stream().allMatch(model -> model.state() == ServedModel.State.READY);
    boolean ready = all && warm && !draining;
    return Reply.json(ready ? 200 : 503, Metadata.serverReady(ready));
  }

  private static Reply ready(ServedModel model) {
    boolean ready = model.state() == ServedModel.State.READY;
    return Reply.json(ready ? 200 : 503, Metadata.modelReady(model.name(), ready));
  }

  private static Reply metadata(ServedModel model) {
    ServedModel.Loaded now = model.current();
    if (now == null) {
      return Inference.notReady(model);
    }
    return Reply.json(
        200,
        Metadata.model(
            now.engine().config(), model.name(), List.of(now.version()), ModelParameters.of(now)));
  }

  private Reply load(ServedModel model, Call call) throws InterruptedException {
    if (!mayLoad) {
      return Reply.error(
          403,
          "models are loaded anew only on a server that asks for a token (--token-file) or"
              + " listens on loopback");
    }
    RepositoryRequest.load(call.body());
    if (model.current() == null) {
      return Inference.notReady(model);
    }
    try {
      return loadAside(model)
          ? Reply.json(200, Metadata.modelReady(model.name(), true))
          : Reply.error(409, "the model is being loaded already");
    } catch (IllegalStateException e) {
      return Reply.error(503, e.getMessage());
    } catch (RuntimeException | OutOfMemoryError e) {
      boolean input = e instanceof InputException || e instanceof NoGuaranteeException;
      LOG.log(
          System.Logger.Level.ERROR,
          "model %s cannot be loaded: %s".formatted(model.name(), e.getMessage()),
          input ? null : e);
      String why = input ? e.getMessage() : "it failed on this server; see its log";
      return Reply.error(input ? 400 : 500, why + "; what was served before is served on");
    }
  }

  /**
   * Loads a model on a thread of the system. It computes for seconds without a pause, and on
   * virtual threads a few such loads would leave no carrier to anybody else, not even to who asks
   * whether the server lives.
   */
  private static boolean loadAside(ServedModel model) throws InterruptedException {
    FutureTask<Boolean> load = new FutureTask<>(model::load);
    Thread.ofPlatform().name("offramp-load-" + model.name()).daemon().start(load);
    try {
      return load.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        default -> throw new IllegalStateException(e.getCause()); // It throws no other.
      }
    }
  }

  private JsonArray index(boolean readyOnly) {
    JsonArray all = new JsonArray();
    for (ServedModel model : models.values()) {
      if (readyOnly && model.state() != ServedModel.State.READY) {
        continue;
      }
      JsonObject json = new JsonObject();
      json.addProperty("name", model.name());
      ServedModel.Loaded now = model.current();
      if (now != null) {
        json.addProperty("version", now.version());
      }
      json.addProperty("state", model.state().name());
      json.addProperty("reason", failure(model) == null ? "" : failure(model));
      all.add(json);
    }
    return all;
  }

  /**
   * Why a model could not be loaded; it names files of the server, which not everybody may know.
   */
  private String failure(ServedModel model) {
    return model.failure() == null || mayLoad ? model.failure() : "see the server's log";
  }

  private JsonObject status() {
    JsonObject json = new JsonObject();
    json.addProperty("name", "offramp");
    json.addProperty("version", version);
    json.addProperty("uptimeSeconds", (System.nanoTime() - started) / 1e9);
    json.addProperty("time", Instant.now().toString());
    json.addProperty("draining", draining);
    json.addProperty("connections", connections.getAsInt());
    JsonArray all = new JsonArray();
    models
        .values()
        .forEach(model -> all.add(Status.of(model, failure(model), metrics.latency(model))));
    json.add("models", all);
    return json;
  }

  @Override
  public void close() {
    inference.close();
  }

  private static Reply json(int status, JsonElement document) {
    return Reply.json(status, GSON.toJson(document).getBytes(StandardCharsets.UTF_8));
  }
}
