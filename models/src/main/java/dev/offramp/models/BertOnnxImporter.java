package dev.offramp.models;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Reads a BERT encoder from an ONNX graph. Biases, norms and embeddings keep their names in an
 * export, the matrices of linear maps become anonymous: they are found as what is multiplied before
 * a bias is added. Int8 graphs of onnxruntime's dynamic quantisation are dequantised, value =
 * (stored − zero point) · scale.
 *
 * <p>Sizes come from the tensors' shapes, the rest from {@link BertOnnxEncoder}, which makes sure
 * that the graph computes what BERT does.
 */
final class BertOnnxImporter {
  private final Path file;
  private final Arena arena;
  private final OnnxFile onnx;
  private final BertOnnxGraph bert;

  private BertOnnxImporter(Path file, Arena arena) {
    this.file = file;
    this.arena = arena;
    onnx = OnnxFile.open(file, arena);
    bert = new BertOnnxGraph(file, onnx);
  }

  /**
   * @throws InputException if the graph is not that of a BERT encoder
   */
  static Backbone read(Path file, Arena arena) {
    return new BertOnnxImporter(file, arena).read();
  }

  private Backbone read() {
    BertArchitecture architecture = architecture();
    SequencedMap<String, List<Long>> shapes = BertTensors.backbone(architecture);
    requireNoOthers(shapes.keySet());
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> {
      Tensor tensor = isLinear(name, shape) ? linear(name) : named(name);
      if (!tensor.shape().equals(shape)) {
        throw InputException.in(
            file,
            name,
            "has shape " + tensor.shape() + ", expected " + shape + "; export it again");
      }
      tensors.put(name, tensor);
    });
    return new Backbone(architecture, tensors);
  }

  /** Relatives of BERT have more tensors: token types of their own, distances, gates. */
  private void requireNoOthers(Set<String> backbone) {
    String prefix = bert.full("");
    for (String constant : onnx.constants().keySet()) {
      String name = constant.startsWith(prefix) ? constant.substring(prefix.length()) : "";
      // Scales, zero points and transposed matrices are called after their tensor.
      int end = name.indexOf('_', name.lastIndexOf('.') + 1);
      String tensor = end < 0 ? name : name.substring(0, end);
      if (BertTensors.isWeight(name) && !backbone.contains(tensor)) {
        throw bert.other(constant, "is a tensor of the encoder");
      }
    }
  }

  private static boolean isLinear(String name, List<Long> shape) {
    return name.startsWith("encoder.") && shape.size() == 2;
  }

  private BertArchitecture architecture() {
    int layers = 0;
    while (bert.tensor(BertTensors.layer(layers, BertTensors.QUERY) + ".bias").isPresent()) {
      layers++;
    }
    if (layers == 0) {
      throw bert.missing(BertTensors.layer(0, BertTensors.QUERY) + ".bias");
    }
    Tensor word = named(BertTensors.WORD);
    int hiddenSize = size(word, 1);
    BertOnnxEncoder.Settings settings = BertOnnxEncoder.read(bert, layers, hiddenSize);
    BertArchitecture architecture =
        new BertArchitecture(
            layers,
            hiddenSize,
            settings.heads(),
            size(named(BertTensors.layer(0, BertTensors.INTERMEDIATE) + ".bias"), 0),
            size(word, 0),
            size(named(BertTensors.POSITION), 0),
            size(named(BertTensors.TYPE), 0),
            settings.epsilon(),
            settings.activation());
    return ModelConfigCheck.checked(architecture, file);
  }

  private int size(Tensor tensor, int axis) {
    if (axis >= tensor.shape().size() || tensor.shape().get(axis) > Integer.MAX_VALUE) {
      throw InputException.in(
          file, tensor.name(), "has shape " + tensor.shape() + "; export the model again");
    }
    return tensor.shape().get(axis).intValue();
  }

  /** A tensor that kept its name, or an embedding that became quantised. */
  private Tensor named(String name) {
    return bert.tensor(name)
        .map(tensor -> tensor.named(name))
        .or(() -> bert.quantisedEmbedding(name).map(stored -> embedding(name, stored)))
        .orElseThrow(() -> bert.missing(name));
  }

  private Tensor embedding(String name, Tensor stored) {
    OnnxGraph graph = bert.graph();
    OnnxNode dequantize =
        graph
            .consumer(stored.name(), "Gather")
            .flatMap(gather -> graph.consumer(gather.output(), "DequantizeLinear"))
            .orElseThrow(() -> bert.unclear(name, "a Gather and DequantizeLinear of its rows"));
    return floats(name, quantised(name, stored, dequantize.input(1), dequantize.input(2)), false);
  }

  /** The matrix multiplied before the bias is added; stored [in, out], returned as [out, in]. */
  private Tensor linear(String name) {
    if (bert.tensor(name).isPresent()) {
      return named(name);
    }
    BertOnnxGraph.Linear linear =
        bert.linear(name.substring(0, name.length() - ".weight".length()));
    OnnxNode product = linear.product();
    Tensor stored =
        bert.graph()
            .constant(product.input(1))
            .orElseThrow(() -> bert.unclear(name, "a constant matrix"));
    StoredMatrix matrix =
        linear.scale().isEmpty()
            ? StoredMatrix.plain(stored)
            : quantised(name, stored, linear.scale(), product.input(3));
    return floats(name, matrix, true);
  }

  private StoredMatrix quantised(String name, Tensor stored, String scale, String zeroPoint) {
    OnnxGraph graph = bert.graph();
    return new StoredMatrix(
        stored,
        graph.constant(scale).orElseThrow(() -> bert.unclear(name, "a constant scale")),
        zeroPoint.isEmpty()
            ? Tensor.ofFloats(name, new float[] {0})
            : graph
                .constant(zeroPoint)
                .orElseThrow(() -> bert.unclear(name, "a constant zero point")));
  }

  private Tensor floats(String name, StoredMatrix matrix, boolean transpose) {
    return matrix
        .toFloats(name, transpose, arena)
        .orElseThrow(
            () -> bert.unclear(name, "scales and zero points for a tensor or its columns"));
  }
}
