package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Safetensors;
import dev.offramp.runtime.demo.Demo;
import dev.offramp.runtime.demo.DemoInput;
import dev.offramp.runtime.demo.DemoReport;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Runs the main job on real input, from a published model to a certified speed-up.",
      "Imports a pretrained transformer with its exit heads, calibrates an exit threshold with a guarantee on sentences from libraries' documentation, and measures",
      "speed, accuracy and risk on sentences that nothing was chosen on."
    },
    footer = {
      "",
      "Examples:",
      "  offramp demo",
      "  offramp demo --epsilon 0.02 --out demo-strict --json",
      "",
      "Downloads (through Maven) and results are kept under ~/.cache/offramp; OFFRAMP_CACHE names",
      "another place."
    })
final class DemoCommand implements Callable<Integer> {
  private static final String ADAPTER = "/dev/offramp/models/doc-domains.safetensors";

  /** The demo's sentences have up to 40 words; the 48 tokens of training would cut some of them. */
  private static final int MAX_TOKENS = 64;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "folder of the results (default: demo in the cache)")
  Path out;

  @Option(
      names = "--epsilon",
      paramLabel = "E",
      defaultValue = "0.05",
      description = "the risk that is acceptable (default: ${DEFAULT-VALUE})")
  double epsilon;

  @Option(
      names = "--delta",
      paramLabel = "D",
      defaultValue = "0.1",
      description = "probability with which the guarantee may fail (default: ${DEFAULT-VALUE})")
  double delta;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "rows a batch (default: ${DEFAULT-VALUE})")
  int batch;

  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() throws IOException {
    long start = System.nanoTime();
    Path cache = cache();
    Path folder = (out == null ? cache.resolve("demo") : out).toAbsolutePath().normalize();
    DemoInput input = DemoInput.prepare(cache, folder);
    Path modelPath = importModel(folder);
    try (ModelDirectory model = ModelDirectory.open(modelPath);
        Device opened = device.open()) {
      Demo.Result result =
          Demo.run(model, opened, input, epsilon, delta, batch, Main.Version.version());
      Path report = folder.resolve("report.html");
      DemoReport.write(report, result, opened.info());
      if (json) {
        Console.json(json(result, modelPath, report, opened.info().id()));
      } else {
        System.out.print(DemoReport.table(result));
        System.out.printf(
            "%nModel directory  %s%nReport           %s%nTry              ./offramp run --model %s"
                + " --input %s%n",
            modelPath, report, modelPath, input.test());
      }
      Console.say("done in %.0f s", (System.nanoTime() - start) / 1e9);
    }
    return 0;
  }

  private Path importModel(Path folder) throws IOException {
    Path adapter = folder.resolve("exits.safetensors");
    try (InputStream bundled = Main.class.getResourceAsStream(ADAPTER)) {
      if (bundled == null) {
        throw new IllegalStateException("the jar lacks " + ADAPTER);
      }
      Files.copy(bundled, adapter, StandardCopyOption.REPLACE_EXISTING);
    }
    String backbone;
    try (Arena arena = Arena.ofConfined()) {
      backbone = Safetensors.open(adapter, arena).metadata().get("backbone");
    }
    MavenFetch.jar(backbone);
    Console.say("importing %s and merging the trained exits", backbone);
    Path model = folder.resolve("model");
    Importer.importModel(
        backbone,
        model,
        ImportOptions.defaults()
            .withAdapter(adapter)
            .withMaxTokens(MAX_TOKENS)
            .withOverwrite(true));
    return model;
  }

  private static Path cache() {
    String named = System.getenv("OFFRAMP_CACHE");
    return named != null
        ? Path.of(named)
        : Path.of(System.getProperty("user.home"), ".cache", "offramp");
  }

  private static JsonObject json(Demo.Result result, Path model, Path report, String device) {
    JsonObject document = new JsonObject();
    document.addProperty("modelDirectory", model.toString());
    document.addProperty("device", device);
    document.addProperty("epsilon", result.calibration().epsilon());
    document.addProperty("delta", result.calibration().delta());
    document.addProperty("method", result.calibration().method().id());
    document.addProperty("risk", result.certificate().risk().id());
    document.addProperty("heldOutRisk", result.heldOutRisk());
    document.addProperty("lambda", result.calibration().lambda());
    document.addProperty("accuracy", result.accuracy(result.early()));
    document.addProperty("fullDepthAccuracy", result.accuracy(result.full()));
    document.addProperty("meanDepth", result.depth().meanLayers());
    document.addProperty("speedup", result.speedup());
    document.addProperty("idealSpeedup", result.idealSpeedup());
    document.addProperty("calibrationSize", result.calibration().calibrationSize());
    document.addProperty("testSize", result.early().size());
    JsonArray exits = new JsonArray();
    Arrays.stream(result.exitHistogram()).forEach(exits::add);
    document.add("exitHistogram", exits);
    document.addProperty("guarantee", result.calibration().guarantee());
    document.addProperty("report", report.toString());
    return document;
  }
}
