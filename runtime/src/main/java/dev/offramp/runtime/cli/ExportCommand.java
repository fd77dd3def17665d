package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.models.OnnxExporter.Segment;
import dev.offramp.runtime.io.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a model directory as ONNX, for use elsewhere.",
      "The whole network with its last exit head, or with --segments a file for the layers up to"
          + " each exit, with that exit's head."
    },
    footer = {
      "",
      "Examples:",
      "  offramp export --model classifier --onnx classifier.onnx",
      "  offramp export --model classifier --onnx stages --segments",
      "",
      "Inputs are input_ids and attention_mask (int64, batch x sequence), or for images pixel_values",
      "(float32, batch x channels x height x width, normalized); later segments take hidden_states",
      "in place of input_ids or pixel_values. Outputs are logits, prediction and confidence; of a",
      "segment also next_hidden_states, of a model without heads last_hidden_state alone."
    })
final class ExportCommand implements Callable<Integer> {
  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--onnx",
      required = true,
      paramLabel = "FILE",
      description = "file to write; with --segments a folder for exit-0.onnx, exit-1.onnx, …")
  Path onnx;

  @Option(names = "--segments", description = "a file for each exit instead of one for all")
  boolean segments;

  @Option(names = "--overwrite", description = "replace files that are there already")
  boolean overwrite;

  @Override
  public Integer call() {
    try (ModelDirectory directory = ModelDirectory.open(model)) {
      Map<Path, Segment> files = files(directory.config());
      Outputs outputs = new Outputs(List.of(model));
      if (segments) {
        outputs.folder(onnx, files.keySet());
      } else {
        outputs.file(onnx);
      }
      files.keySet().forEach(this::checkTarget);
      OnnxExporter.write(directory, files);
      files.forEach((file, segment) ->
          Console.say("%s: layers %d to %d", file, segment.from() + 1, segment.to()));
    }
    System.out.println(onnx.toAbsolutePath().normalize());
    return 0;
  }

  private Map<Path, Segment> files(ModelConfig config) {
    Map<Path, Segment> files = new LinkedHashMap<>();
    if (!segments) {
      if (Files.isDirectory(onnx)) {
        throw InputException.in(onnx, null, "is a folder; name a file, or pass --segments");
      }
      files.put(onnx, OnnxExporter.whole(config));
      return files;
    }
    if (config.exits().isEmpty()) {
      throw InputException.in(
          model, "--segments", "the model has no exits to cut at; make some with 'offramp attach'");
    }
    for (Segment segment : OnnxExporter.segments(config)) {
      files.put(onnx.resolve("exit-" + segment.exit() + ".onnx"), segment);
    }
    return files;
  }

  private void checkTarget(Path file) {
    if (Files.exists(file) && !overwrite) {
      throw InputException.in(file, null, "is there already; pass --overwrite or name another one");
    }
  }
}
