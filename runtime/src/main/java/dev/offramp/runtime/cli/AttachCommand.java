package dev.offramp.runtime.cli;

import dev.offramp.kernels.Device;
import dev.offramp.models.Exit;
import dev.offramp.models.Head;
import dev.offramp.models.InputException;
import dev.offramp.models.ModelConfig;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.ModelTensors;
import dev.offramp.models.Tensor;
import dev.offramp.runtime.attach.ExitTraining;
import dev.offramp.runtime.attach.HeadTensors;
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
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "attach",
    mixinStandardHelpOptions = true,
    description = {
      "Trains exit heads on the frozen layers of a model.",
      "Features are computed once on the device, then each head is fitted by multinomial logistic"
          + " regression. The full model's head, after the last layer, is trained on the labels;"
          + " without labels, or with --keep-last, the model's own last head is kept."
    },
    footer = {
      "",
      "Examples:",
      "  offramp attach --model minilm --data train.tsv --after 1,2,3,4,5,6 --out classifier",
      "  offramp attach --model minilm --data train.tsv --after 2,4 --distill 0.5 --out classifier",
      "  offramp attach --model bge --data train.tsv --after 3,6,9 --confidence margin --out other",
      "  offramp attach --model classifier --data unlabelled.txt --after 1,3 --distill --out other",
      "  offramp attach --model resnet56 --data data_batch_1.bin.gz --after 3,6,9,12,15,18,21,24 \\",
      "    --keep-last --out exits"
    })
final class AttachCommand implements Callable<Integer> {
  /** A class with fewer gets a word of warning. */
  private static final int FEW_EXAMPLES = 10;

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "model directory")
  Path model;

  @Option(
      names = "--data",
      required = true,
      arity = "1..*",
      paramLabel = "TRAIN",
      description = {
        "training data: .tsv with columns text and label (or name, which counts if there are both),"
            + " or .txt with --distill;",
        "for image models as --input of run"
      })
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
      names = "--keep-last",
      description = "keep the model's own last head as it is; the data's labels must be its labels")
  boolean keepLast;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "decides the validation split (default: ${DEFAULT-VALUE})")
  long seed;

  @Mixin HeadOptions kind;
  @Mixin BatchOption batch;
  @Mixin DeviceOption device;

  @Option(names = "--overwrite", description = "replace a model directory that is there already")
  boolean overwrite;

  @Override
  public Integer call() throws IOException {
    new Outputs(Stream.concat(Stream.of(model), data.stream()).toList())
        .modelDirectory(out, overwrite);
    batch.check();
    if (distill != null) {
      Range.check("--distill", distill, 0, 1);
    }
    try (ModelDirectory directory = ModelDirectory.open(model);
        Device opened = device.open()) {
      Inputs inputs = Inputs.read(data, directory);
      List<Integer> cuts = cuts(directory.config());
      boolean labelled = inputs.labels().stream().allMatch(Objects::nonNull);
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
      boolean keeps = keepsLast(directory.config(), labelled);
      List<String> labels =
          keeps
              ? directory.config().labels()
              : inputs.labels().stream().sorted().distinct().toList();
      if (labels.size() < 2) {
        throw InputException.in(data.getFirst(), "label", "at least 2 different labels are needed");
      }
      ModelConfig config =
          directory.config().withExits(name(), labels, kind.exits(directory.config(), cuts, keeps));
      List<Head> heads = config.exits().stream().map(Exit::head).toList();
      int rows = batch.rows(inputs.size());
      int[] classes = labelled ? inputs.classes(config, data) : null;
      if (inputs.size() < 2) {
        throw InputException.in(
            data.getFirst(),
            null,
            "holds 1 example, and heads are trained on 2 at least; add more");
      }
      if (!after.contains(cuts.getLast())) {
        Console.say(
            "an exit after the last layer, %d, is added: the full model's head", cuts.getLast());
      }
      tellData(inputs.size(), classes, labels);
      List<float[]> features;
      try (BatchRunner runner =
          BatchRunner.openAt(directory, opened, config.exits(), rows, inputs.longest())) {
        features =
            Console.progress(
                "features",
                inputs.size(),
                done -> runner.features(inputs.rows(), rows, heads, done));
      }
      write(directory, config, train(directory, config, features, classes, keeps, opened));
    }
    System.out.println(out.toAbsolutePath().normalize());
    return 0;
  }

  private List<HeadTensors> train(
      ModelDirectory directory,
      ModelConfig config,
      List<float[]> features,
      int[] classes,
      boolean keeps,
      Device opened) {
    int exits = features.size();
    HeadTensors last;
    if (!keeps) {
      TrainedHead head =
          Console.progress(
              "last head",
              1,
              done -> {
                TrainedHead trained =
                    ExitTraining.last(
                        features.getLast(),
                        features.getLast().length / classes.length,
                        classes,
                        config.labels().size(),
                        seed);
                done.accept(1);
                return trained;
              });
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

  /** What there is to learn from, before it takes any time. */
  private static void tellData(int examples, int[] classes, List<String> labels) {
    if (classes == null) {
      Console.say("%d examples without labels: heads learn what the last head says", examples);
      return;
    }
    long[] count = new long[labels.size()];
    Arrays.stream(classes).forEach(c -> count[c]++);
    int rarest = 0;
    for (int c = 1; c < count.length; c++) {
      rarest = count[c] < count[rarest] ? c : rarest;
    }
    Console.say(
        "%d examples of %d classes; of the rarest, %s, there are %d",
        examples, count.length, labels.get(rarest), count[rarest]);
    long without = Arrays.stream(count).filter(n -> n == 0).count();
    if (without > 0) {
      Console.say(
          "without an example: %d of the model's classes, which heads trained on labels do not"
              + " answer",
          without);
    } else if (count[rarest] < FEW_EXAMPLES) {
      Console.say("fewer than %d examples of a class teach and show little", FEW_EXAMPLES);
    }
  }

  private static void tell(ModelConfig config, int exit, TrainedHead head, String target) {
    Console.say(
        "exit %d after layer %d: agrees with the %s on %.2f %% of %s",
        exit,
        config.exits().get(exit).afterLayer(),
        target,
        100 * head.validationAgreement(),
        head.heldOut() > 0
            ? "the %d held out".formatted(head.heldOut())
            : "what it was trained on: too few to hold any out");
  }

  /** Layers to stop after, ascending, with the last one. */
  private List<Integer> cuts(ModelConfig config) {
    int layers = config.architecture().layers();
    TreeSet<Integer> cuts = new TreeSet<>(after);
    if (cuts.first() < 1 || cuts.last() > layers) {
      throw InputException.in(null, "--after " + after, "the model has layers 1 to " + layers);
    }
    cuts.add(layers);
    return List.copyOf(cuts);
  }

  /** Whether the last head is the model's own. */
  private boolean keepsLast(ModelConfig config, boolean labelled) {
    if (keepLast && config.exits().isEmpty()) {
      throw InputException.in(
          model, "--keep-last", "the model has no last head yet; leave --keep-last out");
    }
    return keepLast || !labelled;
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
          if (!ModelTensors.isOfExit(name)) {
            tensors.put(name, tensor);
          }
        });
    for (int e = 0; e < heads.size(); e++) {
      String weight = ModelTensors.exitWeight(e);
      String bias = ModelTensors.exitBias(e);
      tensors.put(weight, heads.get(e).weight().named(weight));
      tensors.put(bias, heads.get(e).bias().named(bias));
    }
    Path tokenizer = directory.path().resolve(ModelDirectory.TOKENIZER);
    byte[] json = config.takesTexts() ? Files.readAllBytes(tokenizer) : null;
    ModelDirectory.write(out, config, tensors, json, overwrite);
  }
}
