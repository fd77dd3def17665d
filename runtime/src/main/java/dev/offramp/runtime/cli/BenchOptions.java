package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.runtime.bench.BaselineMode;
import dev.offramp.runtime.bench.BatchMode;
import dev.offramp.runtime.bench.OnnxMode;
import dev.offramp.runtime.bench.OnnxSegmentedMode;
import dev.offramp.runtime.bench.PyTorchMode;
import dev.offramp.runtime.bench.Scenario;
import dev.offramp.runtime.bench.Server;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** What a bench is asked to measure, beside the device and the thresholds. */
final class BenchOptions {
  private static final List<String> SCENARIOS =
      List.of(Scenario.OFFLINE, Scenario.SINGLE_STREAM, Scenario.SERVER);
  private static final List<String> MODES =
      List.of(
          BatchMode.FULL_DEPTH,
          BatchMode.EARLY_EXIT,
          BaselineMode.NO_COMPACTION,
          BaselineMode.BATCH_1);
  private static final List<String> BASELINES =
      List.of(BaselineMode.NO_COMPACTION, BaselineMode.BATCH_1);
  private static final List<Integer> OFFLINE_BATCHES = List.of(1, 8, 32, 128);
  private static final int SERVER_BATCH = 32;
  private static final int ROUNDS = 9;

  /** A round of the server scenario takes minutes. */
  private static final int SERVER_ROUNDS = 3;

  private static final double LIMIT_MILLIS = 100;
  private static final double PROBE_SECONDS = 4;
  private static final String PYTHON = "python3";

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--input",
      required = true,
      arity = "1..*",
      paramLabel = "FILES",
      description = "texts or images, as --input of run")
  List<Path> input;

  @Option(
      names = "--scenario",
      paramLabel = "S",
      defaultValue = Scenario.OFFLINE,
      description = {
        "offline: samples a second, all inputs there at once (default);",
        "single-stream: latency, one row at a time;",
        "server: the largest rate of Poisson arrivals that is answered in time"
      })
  String scenario;

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      description =
          "batch sizes (default: 1,8,32,128; server: 32, the most rows that are run together)")
  private List<Integer> batchSizes;

  @Option(
      names = "--modes",
      split = ",",
      paramLabel = "MODE",
      description =
          "this runtime's modes to time: full-depth; early-exit; early-exit-no-compaction, all rows"
              + " of a batch run on until the last has left; batch-1-exits, each row alone (default:"
              + " all that apply)")
  private List<String> modes;

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
        "jvm, opencl:N, cuda:N, tornado:N: that device beside --device, full depth and with"
            + " exits, in f32;",
        "onnxruntime: full depth, fp32, and int8 where the artifact has a sibling;",
        "onnxruntime-segmented: cut at the exits, which are taken as in early-exit;",
        "onnxruntime-cuda: full depth on the same card, at the precision of --device;",
        "pytorch, pytorch-compile: full depth, eager and by torch.compile;",
        "jcuda: full depth, fp32, by JCuda and cuBLAS of CUDA 12"
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
  private String python;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "rounds in which every mode has its turn (default: 9; server: 3)")
  private Integer rounds;

  @Option(
      names = "--p99-limit",
      paramLabel = "MS",
      description = "server: latency that 99 %% of the rows must stay within (default: 100)")
  private Double p99Limit;

  @Option(
      names = "--probe-seconds",
      paramLabel = "S",
      description = "server: least length of a try at one rate (default: 4)")
  private Double probeSeconds;

  @Option(
      names = "--max-wait",
      paramLabel = "MS",
      description =
          "server: how long a row of early-exit waits at a stage for others, when nobody else is to"
              + " be run (default: 0)")
  private Double maxWait;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "server: draws the arrivals (default: 0)")
  private Long seed;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "where a page with plots goes, HTML")
  Path report;

  List<Integer> batchSizes() {
    if (batchSizes != null) {
      return batchSizes;
    }
    return switch (scenario) {
      case Scenario.SINGLE_STREAM -> List.of(1);
      case Scenario.SERVER -> List.of(SERVER_BATCH);
      default -> OFFLINE_BATCHES;
    };
  }

  /** Names of this runtime's modes to time. */
  SequencedSet<String> modes() {
    return new LinkedHashSet<>(modes == null ? MODES : modes);
  }

  int rounds() {
    if (rounds != null) {
      return rounds;
    }
    return scenario.equals(Scenario.SERVER) ? SERVER_ROUNDS : ROUNDS;
  }

  Server.Load load() {
    return new Server.Load(
        p99Limit == null ? LIMIT_MILLIS : p99Limit,
        probeSeconds == null ? PROBE_SECONDS : probeSeconds,
        maxWait == null ? 0 : maxWait,
        seed == null ? 0 : seed);
  }

  String python() {
    return python == null ? PYTHON : python;
  }

  /**
   * Checks, before anything is opened, that the options go together.
   *
   * @param device name of the benched device
   * @throws InputException if they do not
   */
  void check(String device) {
    if (!SCENARIOS.contains(scenario)) {
      throw unknown("--scenario", scenario, SCENARIOS);
    }
    batchSizes().forEach(BatchOption::check);
    Range.checkRounds(rounds());
    modes().stream()
        .filter(mode -> !MODES.contains(mode))
        .findFirst()
        .ifPresent(mode -> {
          throw unknown("--modes", mode, MODES);
        });
    if (batchSizes().contains(1) && modes().stream().allMatch(BASELINES::contains)) {
      throw InputException.in(
          null,
          "--modes " + String.join(",", modes()),
          scenario.equals(Scenario.SINGLE_STREAM)
              ? "are early-exit, one row at a time; name early-exit instead"
              : "are early-exit at batches of 1; add early-exit, or name larger ones with --batch");
    }
    checkLoad();
    checkPeers(device);
    checkReport();
  }

  /** A mode with exits that the user named needs thresholds. */
  void checkThresholds(double[] thresholds) {
    if (modes == null || thresholds != null) {
      return;
    }
    modes.stream()
        .filter(mode -> !mode.equals(BatchMode.FULL_DEPTH))
        .findFirst()
        .ifPresent(mode -> {
          throw InputException.in(
              null,
              "--modes " + mode,
              "has no thresholds to leave by; calibrate the model or pass --lambda, without"
                  + " --full-depth");
        });
  }

  private void checkLoad() {
    if (scenario.equals(Scenario.SINGLE_STREAM) && !batchSizes().equals(List.of(1))) {
      throw InputException.in(
          null, "--batch", "single-stream runs one row at a time; leave --batch out");
    }
    if (!scenario.equals(Scenario.SERVER)
        && (p99Limit != null || probeSeconds != null || maxWait != null || seed != null)) {
      throw InputException.in(
          null,
          "--p99-limit, --probe-seconds, --max-wait, --seed",
          "make the load of a server; add --scenario server");
    }
    requireAboveZero("--p99-limit", load().limitMillis());
    requireAboveZero("--probe-seconds", load().probeSeconds());
    Range.checkMaxWait(load().maxWaitMillis());
  }

  private static void requireAboveZero(String option, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw InputException.in(null, option + " " + value, "must be a number above 0");
    }
  }

  private void checkPeers(String device) {
    if (onnx != null && !against.contains(OnnxMode.FP32) && !against.contains(OnnxMode.CUDA)) {
      throw InputException.in(
          null,
          "--onnx " + onnx,
          "is the file of a peer; add --against onnxruntime or onnxruntime-cuda");
    }
    if (python != null && against.stream().noneMatch(peer -> peer.startsWith(PyTorchMode.EAGER))) {
      throw InputException.in(
          null, "--python " + python, "runs a peer; add --against pytorch or pytorch-compile");
    }
    against.stream()
        .filter(peer -> !Peers.NAMES.contains(peer) && !isDevice(peer))
        .findFirst()
        .ifPresent(peer -> {
          throw unknown(
              "--against", peer, Stream.concat(DEVICES.stream(), Peers.NAMES.stream()).toList());
        });
    if (scenario.equals(Scenario.SERVER)) {
      against.stream()
          .filter(peer -> !peer.startsWith(OnnxMode.FP32))
          .findFirst()
          .ifPresent(peer -> {
            throw InputException.in(
                null,
                "--against " + peer,
                "is no peer of --scenario server; there are "
                    + String.join(", ", OnnxMode.FP32, OnnxSegmentedMode.NAME, OnnxMode.CUDA));
          });
    }
    if (isDevice(device) && against.contains(device)) {
      throw InputException.in(
          null, "--against " + device, "is the benched device; name another one with --device");
    }
  }

  private static final List<String> DEVICES = List.of("jvm", "opencl:N", "cuda:N", "tornado:N");

  private static boolean isDevice(String peer) {
    return peer.equals("jvm") || peer.matches("(opencl|cuda|tornado):\\d{1,3}");
  }

  /** Those of {@code --against} that are devices of this runtime. */
  List<String> devicesAgainst() {
    return against.stream().filter(BenchOptions::isDevice).distinct().toList();
  }

  /** A report that overwrites what is read would destroy it. */
  private void checkReport() {
    new Outputs(
            Stream.of(Stream.of(model), input.stream(), Stream.ofNullable(onnx))
                .flatMap(read -> read)
                .toList())
        .file(report);
  }

  private static InputException unknown(String option, String value, List<String> known) {
    return InputException.in(
        null, option + " " + value, "unknown; there are " + String.join(", ", known));
  }
}
