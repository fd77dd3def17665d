package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ResnetArchitecture;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.bench.BenchReport;
import dev.offramp.runtime.bench.Ceilings;
import dev.offramp.runtime.bench.Column;
import dev.offramp.runtime.bench.Offline;
import dev.offramp.runtime.bench.Scenario;
import dev.offramp.runtime.bench.Server;
import dev.offramp.runtime.bench.Setup;
import dev.offramp.runtime.bench.SingleStream;
import dev.offramp.runtime.bench.Workload;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import dev.offramp.runtime.io.ProcessMemory;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = {
      "Times full depth, early exit and peers side by side in one process.",
      "Every round runs each mode on the same rows; medians over the rounds are printed."
    },
    footer = {
      "",
      "Examples:",
      "  offramp bench --model classifier --input test.tsv --batch 1,8,32,128 --report bench.html",
      "  offramp bench --model minilm --input test.tsv --sequence 32 --against onnxruntime --threads"
          + " 2",
      "  offramp bench --model classifier --input test.tsv --against pytorch,pytorch-compile",
      "  offramp bench --model classifier --input test.tsv --device opencl:0 --against jvm",
      "  offramp bench --model classifier --input test.tsv --scenario single-stream",
      "  offramp bench --model classifier --input test.tsv --scenario server --p99-limit 50 --batch"
          + " 32",
      "",
      "ONNX Runtime runs --onnx, or the ONNX file of the Maven artifact that the model was imported",
      "from, or where an adapter was merged or there is no artifact, the model directory's own",
      "weights with its last exit head; and the artifact's int8 sibling where there is one. PyTorch",
      "runs the model directory's own weights with its last exit head, in a Python process. So do",
      "onnxruntime-cuda and JCuda in this one, which need CUDA 12's libraries beside the driver."
    })
final class BenchCommand implements Callable<Integer> {
  @Mixin BenchOptions options;
  @Mixin DeviceOption device;
  @Mixin Guard guard;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  /** [CLS], one token, [SEP]. */
  private static final int LEAST_TOKENS = 3;

  @Override
  public Integer call() {
    options.check(device.id);
    guard.check();
    JsonObject document;
    try (ModelDirectory directory = ModelDirectory.open(options.model);
        Device opened = device.open();
        OtherDevices others = OtherDevices.open(options.devicesAgainst(), device);
        Peers peers =
            Peers.of(options.against, directory, options.onnx, options.python(), opened.info())) {
      Thresholds thresholds = thresholds(directory, opened.info());
      double[] ofExits = thresholds == null ? null : thresholds.thresholds();
      options.checkThresholds(ofExits);
      peers.addSegmented(options.against, directory, ofExits, opened.info());
      Setup setup =
          new Setup(
              directory,
              opened,
              Peers.isProcessor(opened.info()),
              others.devices(),
              ofExits,
              options.modes(),
              peers.modes(),
              workload(directory),
              Ceilings.of(peers.ceilings(), opened.info().precision()),
              opened.measurePeakGflops(),
              options.rounds());
      document = about(setup, peers, thresholds);
      measure(scenario(setup), document);
    }
    if (json) {
      Console.json(document);
    }
    return 0;
  }

  private Scenario scenario(Setup setup) {
    return switch (options.scenario) {
      case Scenario.SINGLE_STREAM -> new SingleStream(setup);
      case Scenario.SERVER -> new Server(setup, options.load());
      default -> new Offline(setup);
    };
  }

  /** Measures one batch size after the other, and prints each as soon as it is known. */
  private void measure(Scenario scenario, JsonObject document) {
    if (!json) {
      System.out.println(Column.header(scenario.columns()));
    }
    JsonArray cases = new JsonArray();
    JsonObject ratios = new JsonObject();
    JsonObject leftOut = new JsonObject();
    for (int size : options.batchSizes()) {
      Scenario.Measured measured = scenario.measure(size);
      for (JsonObject line : measured.cases()) {
        cases.add(line);
        if (!json) {
          System.out.println(Column.line(scenario.columns(), line));
        }
      }
      ratios.add("batch " + size, measured.ratios());
      if (!measured.leftOut().isEmpty()) {
        leftOut.add("batch " + size, measured.leftOut());
      }
    }
    document.add("cases", cases);
    document.add("ratios", ratios);
    if (!leftOut.isEmpty()) {
      document.add("leftOut", leftOut);
    }
    if (options.report != null) {
      BenchReport.of(document, scenario).write(options.report);
    }
    if (!json) {
      System.out.println("\n" + scenario.footnote());
      long resident = ProcessMemory.peakResidentBytes();
      if (resident >= 0) {
        System.out.printf("peak resident memory of this process: %d MB%n", resident >> 20);
      }
    }
  }

  /** What is measured where; the beginning of the document. */
  private JsonObject about(Setup setup, Peers peers, Thresholds thresholds) {
    DeviceInfo info = setup.device().info();
    JsonObject about = new JsonObject();
    about.addProperty("scenario", options.scenario);
    about.addProperty("device", info.id());
    about.addProperty("precision", info.precision().name());
    about.addProperty("machine", info.description() + ", Java " + Runtime.version());
    about.addProperty("threads", info.computeUnits());
    about.addProperty("measuredPeakGflops", setup.peakGflops());
    about.addProperty("model", options.model.toAbsolutePath().normalize().toString());
    JsonArray input = new JsonArray();
    options.input.forEach(file -> input.add(file.toString()));
    about.add("input", input);
    about.addProperty("sequence", options.sequence);
    about.addProperty("lambda", thresholds == null ? null : thresholds.lambda());
    about.addProperty("rounds", setup.rounds());
    about.add("exitsAfterLayer", exitsAfterLayer(setup));
    about.addProperty(
        "report",
        options.report == null ? null : options.report.toAbsolutePath().normalize().toString());
    if (!peers.about().isEmpty()) {
      about.add("peers", peers.about());
    }
    if (setup.ceilings() != null) {
      about.add("ceilings", setup.ceilings().measured());
    }
    if (!json) {
      System.out.printf(
          "%s, %d threads, measured peak %.0f GFLOP/s%n%n",
          info.description(), info.computeUnits(), setup.peakGflops());
      if (setup.ceilings() != null) {
        System.out.printf("ceilings measured by PyTorch: %s%n%n", setup.ceilings().measured());
      }
    }
    return about;
  }

  private static JsonArray exitsAfterLayer(Setup setup) {
    JsonArray layers = new JsonArray();
    setup.model().config().exits().forEach(exit -> layers.add(exit.afterLayer()));
    return layers;
  }

  private Workload workload(ModelDirectory directory) {
    int positions = directory.config().architecture().maxPositions();
    Integer sequence = options.sequence;
    if (sequence != null && directory.config().architecture() instanceof ResnetArchitecture) {
      throw InputException.in(
          null, "--sequence " + sequence, "is for text models; images all have one size");
    }
    if (sequence != null && (sequence < LEAST_TOKENS || sequence > positions)) {
      throw InputException.in(
          null,
          "--sequence " + sequence,
          "must be %d to %d for this model".formatted(LEAST_TOKENS, positions));
    }
    List<int[]> tokens = Inputs.read(options.input, directory).rows();
    return sequence == null ? new Workload(tokens) : Workload.ofLength(tokens, sequence);
  }

  /** The thresholds of the modes with exits, or null where there are none to time. */
  private Thresholds thresholds(ModelDirectory directory, DeviceInfo info) {
    if (guard.choice.fullDepth) {
      return null;
    }
    if (guard.isSet()) {
      return guard.resolve(directory, info);
    }
    boolean certified = Files.exists(directory.path().resolve(ModelDirectory.CERTIFICATE));
    if (directory.config().exits().isEmpty() || !certified) {
      Console.say("no exit heads or no certificate: full depth alone is timed");
      return null;
    }
    return guard.resolve(directory, info);
  }
}
