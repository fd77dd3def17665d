package dev.offramp.runtime.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.runtime.Thresholds;
import dev.offramp.runtime.bench.BatchMode;
import dev.offramp.runtime.bench.Ceilings;
import dev.offramp.runtime.bench.Interleaved;
import dev.offramp.runtime.bench.Interleaved.Timing;
import dev.offramp.runtime.bench.Mode;
import dev.offramp.runtime.bench.OnnxMode;
import dev.offramp.runtime.bench.OnnxSegmentedMode;
import dev.offramp.runtime.bench.PyTorchMode;
import dev.offramp.runtime.bench.Workload;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import dev.offramp.runtime.io.ProcessMemory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = {
      "Times full depth, early exit and peers side by side in one process.",
      "Every round runs each mode on the same batches; medians over the rounds are printed."
    },
    footer = {
      "",
      "Examples:",
      "  offramp bench --model classifier --input test.tsv --batch 1,8,32,128",
      "  offramp bench --model minilm --input test.tsv --sequence 32 --against onnxruntime --threads"
          + " 2",
      "  offramp bench --model classifier --input test.tsv --against pytorch,pytorch-compile",
      "  offramp bench --model classifier --input test.tsv --device opencl:0 --against jvm",
      "",
      "ONNX Runtime runs --onnx, or the ONNX file of the Maven artifact that the model was imported",
      "from, or where an adapter was merged or there is no artifact, the model directory's own",
      "weights with its last exit head; and the artifact's int8 sibling where there is one. PyTorch",
      "runs the model directory's own weights with its last exit head, in a Python process."
    })
final class BenchCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--input",
      required = true,
      arity = "1..*",
      paramLabel = "FILES",
      description = "texts: .txt or .tsv, each also .gz")
  List<Path> input;

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      defaultValue = "1,8,32,128",
      description = "batch sizes (default: ${DEFAULT-VALUE})")
  List<Integer> batchSizes;

  @Option(
      names = "--sequence",
      paramLabel = "N",
      description = "make every row exactly N tokens long (default: the texts' own lengths)")
  Integer sequence;

  @Option(
      names = "--against",
      split = ",",
      paramLabel = "PEER",
      description = {
        "jvm: the jvm device beside --device, full depth and with exits;",
        "onnxruntime: full depth, fp32, and int8 where the artifact has a sibling;",
        "onnxruntime-segmented: cut at the exits, which are taken as in early-exit;",
        "pytorch, pytorch-compile: full depth, eager and by torch.compile"
      })
  List<String> against = List.of();

  @Option(
      names = "--onnx",
      paramLabel = "FILE",
      description = "ONNX file of the same network for the peer")
  Path onnx;

  @Option(
      names = "--python",
      paramLabel = "PROGRAM",
      description = "Python 3 that has PyTorch (default: python3)")
  String python;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "9",
      description = "rounds (default: ${DEFAULT-VALUE})")
  int rounds;

  @Option(
      names = "--scenario",
      paramLabel = "S",
      defaultValue = "offline",
      description = "offline: samples a second (default)")
  String scenario;

  @Mixin DeviceOption device;
  @Mixin Guard guard;

  @Option(names = "--json", description = "print one JSON document")
  boolean json;

  private static final String PYTHON = "python3";
  private static final double SLICE_SECONDS = 0.25;

  /** [CLS], one token, [SEP]. */
  private static final int LEAST_TOKENS = 3;

  @Override
  public Integer call() {
    check();
    JsonObject document = new JsonObject();
    JsonArray cases = new JsonArray();
    JsonObject ratios = new JsonObject();
    JsonObject leftOut = new JsonObject();
    try (ModelDirectory directory = ModelDirectory.open(model);
        Device opened = device.open();
        Device jvm = against.contains(BatchMode.JVM) ? device.openJvm() : null;
        Peers peers =
            Peers.of(against, directory, onnx, python == null ? PYTHON : python, opened.info())) {
      int threads = opened.info().computeUnits();
      Thresholds thresholds = thresholds(directory, opened.info());
      peers.addSegmented(
          against, directory, thresholds == null ? null : thresholds.thresholds(), opened.info());
      Workload workload = workload(directory);
      double peak = opened.measurePeakGflops();
      Ceilings ceilings = Ceilings.of(peers.ceilings(), opened.info().precision());
      document.addProperty("device", opened.info().id());
      document.addProperty("precision", opened.info().precision().name());
      document.addProperty("machine", opened.info().description() + ", Java " + Runtime.version());
      document.addProperty("threads", threads);
      document.addProperty("measuredPeakGflops", peak);
      document.addProperty("model", model.toAbsolutePath().normalize().toString());
      document.addProperty("input", input.toString());
      document.addProperty("sequence", sequence);
      document.addProperty("lambda", thresholds == null ? null : thresholds.lambda());
      if (ceilings != null) {
        document.add("peers", peers.about());
        document.add("ceilings", ceilings.measured());
      }
      if (!json) {
        System.out.printf(
            "%s, %d threads, measured peak %.0f GFLOP/s%n%n",
            opened.info().description(), threads, peak);
        if (ceilings != null) {
          System.out.printf("ceilings measured by PyTorch: %s%n%n", ceilings.measured());
        }
        System.out.printf(
            "%6s  %-21s %10s %9s %9s %8s %6s %6s %10s%n",
            "batch", "mode", "samples/s", "p50 ms", "p99 ms", "GFLOP/s", "peak", "depth", "ratio");
      }
      for (int size : batchSizes) {
        List<List<int[]>> batches = workload.batches(size);
        int longest =
            batches.stream().flatMap(List::stream).mapToInt(t -> t.length).max().orElse(1);
        List<Mode> modes = new ArrayList<>();
        try (BatchRunner runner = BatchRunner.open(directory, opened, size, longest);
            BatchRunner onJvm =
                jvm == null ? null : BatchRunner.open(directory, jvm, size, longest)) {
          modes.add(BatchMode.fullDepth(BatchMode.FULL_DEPTH, runner));
          if (thresholds != null) {
            modes.add(BatchMode.earlyExit(BatchMode.EARLY_EXIT, runner, thresholds.thresholds()));
          }
          if (onJvm != null) {
            modes.add(BatchMode.fullDepth(BatchMode.JVM, onJvm));
            if (thresholds != null) {
              modes.add(
                  BatchMode.earlyExit(BatchMode.JVM_EARLY_EXIT, onJvm, thresholds.thresholds()));
            }
          }
          JsonObject notHere = new JsonObject();
          for (Mode peer : peers.modes()) {
            Optional<String> reason = peer.prepare(batches, runner);
            if (reason.isEmpty()) {
              modes.add(peer);
            } else {
              Console.say("batches of %d: no %s: %s", size, peer.name(), reason.get());
              notHere.addProperty(peer.name(), reason.get());
            }
          }
          if (!notHere.isEmpty()) {
            leftOut.add("batch " + size, notHere);
          }
          Console.say(
              "batches of %d: timing %s, %d rounds",
              size, String.join(", ", modes.stream().map(Mode::name).toList()), rounds);
          List<Timing> timings = Interleaved.time(modes, batches, rounds, SLICE_SECONDS);
          modes.stream().filter(BatchMode.class::isInstance).forEach(Mode::close);
          Map<String, Workload.Depth> depths = new HashMap<>();
          if (thresholds != null) {
            Workload.Depth depth = Workload.depth(runner, batches, thresholds.thresholds());
            depths.put(BatchMode.EARLY_EXIT, depth);
            depths.put(OnnxSegmentedMode.NAME, depth); // Which is to agree.
            if (onJvm != null) {
              depths.put(
                  BatchMode.JVM_EARLY_EXIT,
                  Workload.depth(onJvm, batches, thresholds.thresholds()));
            }
          }
          JsonObject ofBatch = new JsonObject();
          Timing before = timings.getFirst();
          for (Timing timing : timings) {
            cases.add(
                line(
                    directory.config(),
                    size,
                    batches,
                    timing,
                    timings.getFirst(),
                    timing.mode().equals(OnnxSegmentedMode.NAME)
                        ? named(OnnxMode.FP32, timings)
                        : before,
                    depths.get(timing.mode()),
                    peak,
                    ceilings));
            before = timing;
            if (timing != timings.getFirst()) {
              ofBatch.addProperty(
                  BatchMode.FULL_DEPTH + "/" + timing.mode(),
                  Interleaved.ratio(timings.getFirst(), timing));
            }
          }
          ratios.add("batch " + size, ofBatch);
        }
      }
    }
    document.add("cases", cases);
    document.add("ratios", ratios);
    if (!leftOut.isEmpty()) {
      document.add("leftOut", leftOut);
    }
    if (json) {
      Console.json(document);
    } else {
      System.out.println(
          "\nratio: this mode's throughput over full depth's, median over the rounds.");
      long resident = ProcessMemory.peakResidentBytes();
      if (resident >= 0) {
        System.out.printf("peak resident memory of this process: %d MB%n", resident >> 20);
      }
    }
    return 0;
  }

  private static Timing named(String mode, List<Timing> timings) {
    return timings.stream().filter(timing -> timing.mode().equals(mode)).findFirst().orElse(null);
  }

  /**
   * One line of the table.
   *
   * @param full full depth of the benched device
   * @param before for a mode with exits, the same at full depth; null if that was not timed
   * @param depth what a mode with exits ran, null for one without
   */
  private JsonObject line(
      ModelConfig config,
      int size,
      List<List<int[]>> batches,
      Timing timing,
      Timing full,
      Timing before,
      Workload.Depth depth,
      double peak,
      Ceilings ceilings) {
    boolean early = depth != null;
    double flops = early ? depth.flopsPerSample() : Workload.fullFlops(config, batches);
    double rate = timing.medianSamplesPerSecond();
    double gflops = flops * rate / 1e9;
    double layers = early ? depth.meanLayers() : config.architecture().layers();
    double ratio = Interleaved.ratio(timing, full);
    Double efficiency =
        early && before != null
            ? Interleaved.ratio(timing, before)
                / (Workload.fullFlops(config, batches) / depth.flopsPerSample())
            : null;
    JsonObject line = new JsonObject();
    line.addProperty("batch", size);
    line.addProperty("mode", timing.mode());
    line.addProperty("samplesPerSecond", rate);
    line.addProperty("p50Millis", timing.percentileMillis(0.5));
    line.addProperty("p99Millis", timing.percentileMillis(0.99));
    line.addProperty("gflops", gflops);
    line.addProperty("shareOfPeak", gflops / peak);
    line.addProperty("meanDepth", layers);
    line.addProperty("schedulerEfficiency", efficiency);
    String shares = "";
    if (ceilings != null) {
      Double ofProduct = ceilings.shareOfProduct(gflops);
      Double ofCopy = early ? null : ceilings.shareOfCopy(config.architecture(), rate / size);
      line.addProperty("shareOfProductCeiling", ofProduct);
      line.addProperty("shareOfCopyCeiling", ofCopy);
      shares = Ceilings.words(ofProduct, ofCopy);
    }
    if (!json) {
      System.out.printf(
          "%6d  %-21s %10.1f %9.2f %9.2f %8.1f %5.0f%% %6.2f %9.2fx%s%s%n",
          size,
          timing.mode(),
          rate,
          timing.percentileMillis(0.5),
          timing.percentileMillis(0.99),
          gflops,
          100 * gflops / peak,
          layers,
          ratio,
          efficiency == null ? "" : "  scheduler efficiency %.2f".formatted(efficiency),
          shares);
    }
    return line;
  }

  private Workload workload(ModelDirectory directory) {
    int positions = directory.config().architecture().maxPositions();
    if (sequence != null && (sequence < LEAST_TOKENS || sequence > positions)) {
      throw InputException.in(
          null,
          "--sequence " + sequence,
          "must be %d to %d for this model".formatted(LEAST_TOKENS, positions));
    }
    List<int[]> tokens = Inputs.read(input, directory).tokens();
    return sequence == null ? new Workload(tokens) : Workload.ofLength(tokens, sequence);
  }

  /** The thresholds of the early-exit mode, or null where there are none to time. */
  private Thresholds thresholds(ModelDirectory directory, DeviceInfo device) {
    if (guard.choice.fullDepth) {
      return null;
    }
    if (guard.isSet()) {
      return guard.resolve(directory, device);
    }
    boolean certified = Files.exists(directory.path().resolve(ModelDirectory.CERTIFICATE));
    if (directory.config().exits().isEmpty() || !certified) {
      Console.say("no exit heads or no certificate: full depth alone is timed");
      return null;
    }
    return guard.resolve(directory, device);
  }

  private void check() {
    batchSizes.forEach(BatchOption::check);
    if (onnx != null && !against.contains(OnnxMode.FP32)) {
      throw InputException.in(
          null, "--onnx " + onnx, "is the file of a peer; add --against onnxruntime");
    }
    if (python != null && against.stream().noneMatch(peer -> peer.startsWith(PyTorchMode.EAGER))) {
      throw InputException.in(
          null, "--python " + python, "runs a peer; add --against pytorch or pytorch-compile");
    }
    if (rounds < 1) {
      throw InputException.in(null, "--rounds " + rounds, "must be at least 1");
    }
    if (!scenario.toLowerCase(Locale.ROOT).equals("offline")) {
      throw InputException.in(null, "--scenario " + scenario, "only offline is there yet");
    }
    for (String peer : against) {
      if (!Peers.NAMES.contains(peer)) {
        throw InputException.in(
            null, "--against " + peer, "unknown; there are " + String.join(", ", Peers.NAMES));
      }
    }
    if (against.contains(BatchMode.JVM) && device.id.equals("jvm")) {
      throw InputException.in(
          null, "--against jvm", "is the benched device; name another one with --device");
    }
  }
}
