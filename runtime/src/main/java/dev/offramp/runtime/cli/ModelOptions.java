package dev.offramp.runtime.cli;

import dev.offramp.calibrate.Fwer;
import dev.offramp.calibrate.Method;
import dev.offramp.models.InputException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Options that name a model to calibrate and how its exits are observed. */
final class ModelOptions {
  /** What the cost of an exit is measured in. */
  enum Cost {
    /** Time on the device. */
    TIME,
    /** Floating-point operations. */
    FLOPS
  }

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--data",
      required = true,
      arity = "1..*",
      paramLabel = "CAL",
      description = "calibration data: .tsv, .txt, each also .gz; images as --input of run")
  List<Path> data;

  @Option(
      names = "--risk",
      split = ",",
      paramLabel = "R[=E]",
      defaultValue = "prediction-consistency",
      description = {
        "prediction-consistency, brier-consistency, hellinger-consistency, top-brier-consistency,"
            + " or with labels prediction-gap, brier-gap (default: ${DEFAULT-VALUE}).",
        "Several, separated by commas, are kept at once, each at its own epsilon if it names one."
      })
  List<String> risks;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "rows a batch (default: ${DEFAULT-VALUE})")
  int batch;

  @Option(
      names = "--per-exit",
      description =
          "a threshold for each exit (Pareto testing): half of the data proposes them, half tests"
              + " them, and the cheapest certified ones are taken")
  boolean perExit;

  @Option(
      names = "--cost",
      paramLabel = "C",
      description =
          "with --per-exit, what is to be saved: time, measured on the device (default), or flops")
  private Cost cost;

  @Option(
      names = "--certificate",
      paramLabel = "FILE",
      description = "where the certificate goes (default: certificate.json of the model)")
  Path certificate;

  @Option(
      names = "--overwrite",
      description =
          "replace a certificate that lets samples leave early even where this calibration certifies"
              + " no threshold")
  boolean overwrite;

  Cost cost() {
    return cost == null ? Cost.TIME : cost;
  }

  /** Checks, before any data is read, that the options go together. */
  void check(List<RequestedRisk> requested, Method method, String fwer) {
    BatchOption.check(batch);
    requested.forEach(risk -> RequestedRisk.checkMethod(method, risk.risk()));
    if (cost != null && !perExit) {
      throw InputException.in(
          null, "--cost", "is what --per-exit saves; add --per-exit, or leave it out");
    }
    if (perExit && requested.size() > 1) {
      throw InputException.in(
          null, "--per-exit", "keeps one risk only; name one --risk, or leave out --per-exit");
    }
    if (perExit && !method.tests()) {
      throw InputException.in(
          null,
          "--per-exit",
          "needs an ltt method, such as ltt-hb; %s does not test".formatted(method.id()));
    }
    if (perExit && fwer != null && Fwer.of(fwer) != Fwer.SPLIT) {
      throw InputException.in(
          null, "--per-exit", "tests with --fwer split, not %s; leave out --fwer".formatted(fwer));
    }
  }
}
