package dev.offramp.runtime.cli;

import dev.offramp.kernels.DeviceException;
import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import dev.offramp.runtime.serve.JsonLog;
import dev.offramp.runtime.serve.Server;
import dev.offramp.runtime.serve.Uncaught;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Serves models by the Open Inference Protocol v2 and watches the risk of their exits.",
      "SIGTERM: takes no more requests, answers those it has, and ends."
    },
    footer = {
      "",
      "Examples:",
      "  offramp serve --model classifier",
      "  offramp serve --model intents=bank --model topics=demo --port 9000 --on-alarm full-depth",
      "  offramp serve --model classifier --host 0.0.0.0 --token-file token",
      "",
      "  curl -H 'Content-Type: application/json' localhost:8080/v2/models/classifier/infer -d \\",
      "    '{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"…\"]}]}'",
      "  curl localhost:8080/metrics         and in a browser: http://localhost:8080/"
    })
final class ServeCommand implements Callable<Integer> {
  private static final System.Logger LOG = System.getLogger(ServeCommand.class.getName());
  private static final Duration WARM_UP = Duration.ofMillis(1500);
  private static final int MOST_TOKEN_BYTES = 4096;
  private static final int MOST_DRAIN_SECONDS = 3600;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "[NAME=]DIR",
      description = "model directory, and what it is called (default: as the folder); repeatable")
  List<String> models;

  @Option(
      names = "--host",
      paramLabel = "H",
      defaultValue = "127.0.0.1",
      description = "address to listen on; 0.0.0.0 for all (default: ${DEFAULT-VALUE})")
  String host;

  @Option(
      names = "--port",
      paramLabel = "P",
      defaultValue = "8080",
      description = "0 for any that is free (default: ${DEFAULT-VALUE})")
  int port;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "clients must send 'Authorization: Bearer' and what this file holds")
  Path tokenFile;

  @Mixin DeviceOption device;
  @Mixin Guard guard;
  @Mixin ServeLimits limits;
  @Mixin AuditOption audit;

  @Option(
      names = "--drain",
      paramLabel = "S",
      defaultValue = "30",
      description =
          "seconds that requests under way may take when it ends (default: ${DEFAULT-VALUE})")
  int drainSeconds;

  @Override
  public Integer call() throws InterruptedException {
    Range.check("--port", port, 0, 65_535);
    Range.check("--drain", drainSeconds, 0, MOST_DRAIN_SECONDS);
    guard.check();
    Map<String, Path> named = named();
    if (named.size() > 1 && guard.choice.certificate != null) {
      throw InputException.in(
          null, "--certificate", "is of one model; leave certificates in the model directories");
    }
    Server.Options options =
        new Server.Options(
            host,
            port,
            token(),
            Main.Version.version(),
            limits.http(),
            limits.infer(),
            limits.engine(device, guard.policy()),
            audit.options(),
            WARM_UP);
    JsonLog.install();
    Server server = Server.open(named, options);
    Thread end = new Thread(() -> end(server), "offramp-shutdown");
    Runtime.getRuntime().addShutdownHook(end);
    try {
      load(server);
      Thread.setDefaultUncaughtExceptionHandler(new Uncaught(Runtime.getRuntime()::halt));
      LOG.log(
          System.Logger.Level.INFO,
          "listening on http://{0}:{1}",
          host.contains(":") ? "[" + host + "]" : host,
          "" + server.port());
      if (options.token() == null && !options.loopback()) {
        LOG.log(
            System.Logger.Level.WARNING,
            "anybody who reaches this machine may use the service; give it a --token-file, or keep"
                + " it behind something that asks who they are");
      }
    } catch (RuntimeException | Error e) {
      forget(end);
      server.close();
      throw e;
    }
    new CountDownLatch(1).await(); // until a signal ends the process
    return 0;
  }

  private static void forget(Thread end) {
    try {
      Runtime.getRuntime().removeShutdownHook(end);
    } catch (IllegalStateException e) {
      // A signal came meanwhile: it ends the server.
    }
  }

  private void load(Server server) {
    try {
      server.load();
    } catch (DeviceException e) {
      throw InputException.in(null, "--device " + device.id, e.getMessage());
    }
  }

  private void end(Server server) {
    try {
      server.drain(Duration.ofSeconds(drainSeconds));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    server.close();
  }

  private Map<String, Path> named() {
    Map<String, Path> named = new LinkedHashMap<>();
    for (String model : models) {
      int equals = model.indexOf('=');
      Path directory = Path.of(model.substring(equals + 1));
      if (directory.toString().isEmpty()) { // It would be the working directory.
        throw InputException.in(
            null, "--model '" + model + "'", "names no directory; write it after NAME=");
      }
      Path folder = directory.toAbsolutePath().normalize().getFileName();
      String name = equals >= 0 ? model.substring(0, equals) : folder == null ? "" : "" + folder;
      if (named.put(name, directory) != null) {
        throw InputException.in(
            null,
            "--model " + model,
            "a model is called '" + name + "' already; name it with --model NAME=DIR");
      }
    }
    return named;
  }

  private String token() {
    if (tokenFile == null) {
      return null;
    }
    if (!Files.isReadable(tokenFile)) {
      throw InputException.in(
          null, "--token-file " + tokenFile, "no such file, or it may not be read");
    }
    String token = Disk.readText(tokenFile, MOST_TOKEN_BYTES).strip();
    if (!token.chars().allMatch(c -> c > ' ' && c < 127) || token.isEmpty()) {
      throw InputException.in(
          tokenFile, null, "holds no token; put one line of visible ASCII letters into it");
    }
    return token;
  }
}
