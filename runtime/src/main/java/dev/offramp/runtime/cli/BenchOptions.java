package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.runtime.bench.BaselineMode;
import dev.offramp.runtime.bench.BatchMode;
import dev.offramp.runtime.bench.OnnxMode;
import dev.offramp.runtime.bench.PyTorchMode;
import dev.offramp.runtime.bench.Scenario;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import picocli.CommandLine.Option;

/** What a bench is asked to measure, beside the device and the thresholds. */
final class BenchOptions {
  private static final List<String> SCENARIOS = List.of(Scenario.OFFLINE);
  private static final List<String> MODES =
      List.of(
          BatchMode.FULL_DEPTH,
          BatchMode.EARLY_EXIT,
          BaselineMode.NO_COMPACTION,
          BaselineMode.BATCH_1);
  private static final List<String> BASELINES =
      List.of(BaselineMode.NO_COMPACTION, BaselineMode.BATCH_1);
  private static final List<Integer> OFFLINE_BATCHES = List.of(1, 8, 32, 128);
  private static final int ROUNDS = 9;
  private static final String PYTHON = "python3";

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
      names = "--scenario",
      paramLabel = "S",
      defaultValue = Scenario.OFFLINE,
      description = "offline: samples a second (default)")
  String scenario;

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      description = "batch sizes (default: 1,8,32,128)")
  private List<Integer> batchSizes;

  @Option(
      names = "--modes",
      split = ",",
      paramLabel = "MODE",
      description = {
        "this runtime's modes to time: full-depth; early-exit; early-exit-no-compaction, all rows",
        "of a batch run on until the last has left; batch-1-exits, each row alone (default: all",
        "that apply)"
      })
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
        "jvm: the jvm device beside --device, full depth and with exits;",
        "onnxruntime: full depth, fp32, and int8 where the artifact has a sibling;",
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
  private String python;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "rounds in which every mode has its turn (default: 9)")
  private Integer rounds;

  List<Integer> batchSizes() {
    return batchSizes == null ? OFFLINE_BATCHES : batchSizes;
  }

  /** Names of this runtime's modes to time. */
  SequencedSet<String> modes() {
    return new LinkedHashSet<>(modes == null ? MODES : modes);
  }

  int rounds() {
    return rounds == null ? ROUNDS : rounds;
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
    if (rounds() < 1) {
      throw InputException.in(null, "--rounds " + rounds, "must be at least 1");
    }
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
          "are early-exit at batches of 1; add early-exit, or name larger ones with --batch");
    }
    checkPeers(device);
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

  private void checkPeers(String device) {
    if (onnx != null && !against.contains(OnnxMode.FP32)) {
      throw InputException.in(
          null, "--onnx " + onnx, "is the file of a peer; add --against onnxruntime");
    }
    if (python != null && against.stream().noneMatch(peer -> peer.startsWith(PyTorchMode.EAGER))) {
      throw InputException.in(
          null, "--python " + python, "runs a peer; add --against pytorch or pytorch-compile");
    }
    against.stream()
        .filter(peer -> !Peers.NAMES.contains(peer))
        .findFirst()
        .ifPresent(peer -> {
          throw unknown("--against", peer, Peers.NAMES);
        });
    if (against.contains(BatchMode.JVM) && device.equals("jvm")) {
      throw InputException.in(
          null, "--against jvm", "is the benched device; name another one with --device");
    }
  }

  private static InputException unknown(String option, String value, List<String> known) {
    return InputException.in(
        null, option + " " + value, "unknown; there are " + String.join(", ", known));
  }
}
