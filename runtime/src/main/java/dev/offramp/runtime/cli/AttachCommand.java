package dev.offramp.runtime.cli;

import dev.offramp.kernels.Device;
import dev.offramp.models.Example;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.attach.ExitTraining;
import dev.offramp.runtime.attach.Targets;
import dev.offramp.runtime.attach.TrainedHead;
import dev.offramp.runtime.engine.BatchRunner;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.Inputs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "attach",
    mixinStandardHelpOptions = true,
    description = {
      "Trains exit heads on the frozen encoder of a model.",
      "Features are computed once on the device, then each head is fitted by multinomial logistic"
          + " regression. The full model's head, after the last layer, is trained on the labels;"
          + " without labels the model's own last head is kept. All heads pool and score like the"
          + " model's own last head, if it has one."
    },
    footer = {
      "",
      "Examples:",
      "  offramp attach --model minilm --data train.tsv --after 1,2,3,4,5,6 --out classifier",
      "  offramp attach --model minilm --data train.tsv --after 2,4 --distill 0.5 --out classifier",
      "  offramp attach --model classifier --data unlabelled.txt --after 1,3 --distill --out other"
    })
final class AttachCommand implements Callable<Integer> {
  /** What heads are like on a model that has none yet. */
  private static final Head FIRST_HEAD = Head.ofText("mean", "top1");

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--data",
      required = true,
      arity = "1..*",
      paramLabel = "TRAIN",
      description = "training data: .tsv with columns label and text, or .txt with --distill")
  List<Path> data;

  @Option(
      names = "--after",
      required = true,
      split = ",",
      paramLabel = "N",
      description = "layers to put an exit after, counted from 1; the last one is always added")
  List<Integer> after;

  @Option(names = "--out", required = true, paramLabel = "DIR2", description = "new directory")
  Path out;

  @Option(
      names = "--distill",
      arity = "0..1",
      fallbackValue = "1",
      paramLabel = "W",
      description =
          "train earlier heads towards the last head's own distribution with weight W (1 if not"
              + " given), the labels having the rest")
  Double distill;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "decides the validation split (default: ${DEFAULT-VALUE})")
  long seed;

  @Mixin BatchOption batch;
  @Mixin DeviceOption device;

  @Option(names = "--overwrite", description = "replace a model directory that is there already")
  boolean overwrite;

  @Override
  public Integer call() throws IOException {
    ModelDirectory.checkTarget(out, overwrite);
    batch.rows();
    if (distill != null && !(distill >= 0 && distill <= 1)) {
      throw InputException.in(null, "--distill " + distill, "must be in [0, 1]");
    }
    try (ModelDirectory directory = ModelDirectory.open(model);
        Device opened = device.open()) {
      Inputs inputs = Inputs.read(data, directory);
      List<Integer> cuts = cuts(directory.config());
      boolean labelled = inputs.examples().stream().allMatch(e -> e.label() != null);
      if (!labelled && (distill == null || directory.config().exits().isEmpty())) {
        throw InputException.in(
            data.getFirst(),
            null,
            "there are examples without a label; add a label column, or pass --distill for a model"
                + " that has a last head already");
      }
      if (!labelled && distill != 1) {
        throw InputException.in(
            null,
            "--distill " + distill,
            "mixes targets with labels, and the data has none; add a label column or leave the"
                + " number out");
      }
      List<String> labels =
          labelled
              ? inputs.examples().stream().map(Example::label).sorted().distinct().toList()
              : directory.config().labels();
      if (labels.size() < 2) {
        throw InputException.in(data.getFirst(), "label", "at least 2 different labels are needed");
      }
      Head head =
          directory.config().exits().isEmpty()
              ? FIRST_HEAD
              : directory.config().exits().getLast().head();
      ModelConfig config =
          directory
              .config()
              .withExits(name(), labels, cuts.stream().map(cut -> new Exit(cut, head)).toList());
      int rows = batch.rows(inputs.size());
      List<float[]> features;
      try (BatchRunner runner =
          BatchRunner.openAt(directory, opened, cuts, rows, inputs.longest())) {
        features =
            Console.progress(
                "features",
                inputs.size(),
                done -> runner.features(inputs.tokens(), rows, head.pooling(), done));
      }
      int[] classes = labelled ? inputs.classes(config, data.getFirst()) : null;
      List<HeadTensors> heads = train(directory, config, features, classes, opened);
      write(directory, config, heads);
    }
    System.out.println(out.toAbsolutePath().normalize());
    return 0;
  }

  /**
   * A head as it will be written.
   *
   * @param weight shape [classes, hiddenSize]
   * @param bias shape [classes]
   */
  private record HeadTensors(Tensor weight, Tensor bias) {
    static HeadTensors of(TrainedHead head) {
      int classes = head.bias().length;
      int width = head.weight()[0].length;
      float[] flat = new float[classes * width];
      for (int c = 0; c < classes; c++) {
        System.arraycopy(head.weight()[c], 0, flat, c * width, width);
      }
      return new HeadTensors(
          Tensor.ofFloats("weight", flat, classes, width),
          Tensor.ofFloats("bias", head.bias(), classes));
    }

    /** The model's own last head, as it is stored. */
    static HeadTensors last(ModelDirectory model) {
      String name = "exits." + (model.config().exits().size() - 1);
      return new HeadTensors(model.tensor(name + ".weight"), model.tensor(name + ".bias"));
    }

    /** What the head says of every sample, features F32 [n, hiddenSize]. */
    Targets answers(float[] features) {
      int classes = Math.toIntExact(weight.shape().get(0));
      int width = Math.toIntExact(weight.shape().get(1));
      float[] flat = new float[classes * width];
      weight.copyTo(flat);
      float[][] rows = new float[classes][];
      for (int c = 0; c < classes; c++) {
        rows[c] = Arrays.copyOfRange(flat, c * width, (c + 1) * width);
      }
      float[] biases = new float[classes];
      bias.copyTo(biases);
      return ExitTraining.answers(rows, biases, features, width);
    }
  }

  private List<HeadTensors> train(
      ModelDirectory directory,
      ModelConfig config,
      List<float[]> features,
      int[] classes,
      Device opened) {
    int width = config.bert().hiddenSize();
    int exits = features.size();
    HeadTensors last;
    if (classes != null) {
      TrainedHead head =
          Console.progress(
              "last head",
              1,
              done ->
                  ExitTraining.last(
                      features.getLast(), width, classes, config.labels().size(), seed, i -> {}));
      last = HeadTensors.of(head);
      tell(config, exits - 1, head, "labels");
    } else {
      last = HeadTensors.last(directory);
    }
    Targets targets = distill == null ? null : last.answers(features.getLast());
    if (classes != null) {
      Targets ofLabels = Targets.ofLabels(classes, config.labels().size());
      targets = targets == null ? ofLabels : targets.mix(ofLabels, distill);
    }
    Targets aim = targets;
    List<TrainedHead> earlier =
        exits == 1
            ? List.of()
            : Console.progress(
                "earlier heads",
                exits - 1,
                done ->
                    ExitTraining.earlier(
                        features.subList(0, exits - 1),
                        width,
                        aim,
                        seed,
                        opened.info().computeUnits(),
                        done));
    List<HeadTensors> heads = new ArrayList<>();
    for (int e = 0; e < earlier.size(); e++) {
      tell(config, e, earlier.get(e), distill == null ? "labels" : "targets");
      heads.add(HeadTensors.of(earlier.get(e)));
    }
    heads.add(last);
    return heads;
  }

  private static void tell(ModelConfig config, int exit, TrainedHead head, String target) {
    Console.say(
        "exit %d after layer %d: agrees with the %s on %.2f %% of the validation part",
        exit, config.exits().get(exit).afterLayer(), target, 100 * head.validationAgreement());
  }

  /** Layers to stop after, ascending, with the last one. */
  private List<Integer> cuts(ModelConfig config) {
    int layers = config.architecture().layers();
    TreeSet<Integer> cuts = new TreeSet<>(after);
    if (cuts.first() < 1 || cuts.last() > layers) {
      throw InputException.in(null, "--after " + after, "the model has layers 1 to " + layers);
    }
    if (cuts.add(layers)) {
      Console.say("an exit after the last layer, %d, is added: the full model's head", layers);
    }
    return List.copyOf(cuts);
  }

  private String name() {
    return out.toAbsolutePath().normalize().getFileName().toString();
  }

  private void write(ModelDirectory directory, ModelConfig config, List<HeadTensors> heads)
      throws IOException {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    directory
        .tensors()
        .forEach((name, tensor) -> {
          if (!name.startsWith("exits.")) {
            tensors.put(name, tensor);
          }
        });
    for (int e = 0; e < heads.size(); e++) {
      String weight = "exits." + e + ".weight";
      String bias = "exits." + e + ".bias";
      tensors.put(weight, heads.get(e).weight().named(weight));
      tensors.put(bias, heads.get(e).bias().named(bias));
    }
    byte[] tokenizer = Files.readAllBytes(directory.path().resolve(ModelDirectory.TOKENIZER));
    ModelDirectory.write(out, config, tensors, tokenizer, overwrite);
  }
}
