package dev.offramp.models;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Reads a BERT encoder from an ONNX graph. Biases, norms and embeddings keep their names in an
 * export, the matrices of linear maps become anonymous: they are found as what is multiplied before
 * a bias is added. Int8 graphs of onnxruntime's dynamic quantisation are dequantised, value =
 * (stored − zero point) · scale.
 *
 * <p>Sizes come from the tensors' shapes; heads from the constants of the Reshape that splits the
 * query into heads; epsilon and activation from the operations around the named tensors.
 */
final class BertOnnxImporter {
  private static final String QUANTIZED = "_quantized";

  private final Path file;
  private final Arena arena;
  private final OnnxGraph graph;

  /** What stands before the usual names, such as {@code bert.}. */
  private final String prefix;

  private BertOnnxImporter(Path file, Arena arena) {
    this.file = file;
    this.arena = arena;
    OnnxFile onnx = OnnxFile.open(file, arena);
    graph = new OnnxGraph(onnx);
    String landmark = BertTensors.EMBEDDING_NORM + ".weight";
    prefix =
        onnx.constants().keySet().stream()
            .filter(name -> name.endsWith(landmark))
            .map(name -> name.substring(0, name.length() - landmark.length()))
            .findFirst()
            .orElseThrow(() -> missing(landmark));
  }

  /**
   * @throws InputException if the graph is not that of a BERT encoder
   */
  static Backbone read(Path file, Arena arena) {
    return new BertOnnxImporter(file, arena).read();
  }

  private Backbone read() {
    BertArchitecture architecture = architecture();
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    BertTensors.backbone(architecture)
        .forEach((name, shape) -> {
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

  private static boolean isLinear(String name, List<Long> shape) {
    return name.startsWith("encoder.") && shape.size() == 2;
  }

  private BertArchitecture architecture() {
    int layers = 0;
    while (graph
        .constant(prefix + BertTensors.layer(layers, BertTensors.QUERY) + ".bias")
        .isPresent()) {
      layers++;
    }
    if (layers == 0) {
      throw missing(BertTensors.layer(0, BertTensors.QUERY) + ".bias");
    }
    requirePlainPositions();
    Tensor word = named(BertTensors.WORD);
    String intermediate = BertTensors.layer(0, BertTensors.INTERMEDIATE);
    BertArchitecture architecture =
        new BertArchitecture(
            layers,
            size(word, 1),
            heads(size(word, 1)),
            size(named(intermediate + ".bias"), 0),
            size(word, 0),
            size(named(BertTensors.POSITION), 0),
            size(named(BertTensors.TYPE), 0),
            epsilon(),
            activation(intermediate));
    return ModelConfigCheck.checked(architecture, file);
  }

  /**
   * RoBERTa's tensors have BERT's names, but its positions do not begin at 0: they are a running
   * sum over the tokens that are not padding.
   */
  private void requirePlainPositions() {
    for (String name : List.of(BertTensors.POSITION, BertTensors.POSITION + QUANTIZED)) {
      for (OnnxNode gather : graph.consumers(prefix + name)) {
        if (graph.comesFrom(gather.input(1), "CumSum")) {
          throw InputException.in(
              file,
              name,
              "positions are counted as RoBERTa does, from tokens that are not padding; only BERT's"
                  + " can be imported");
        }
      }
    }
  }

  private int size(Tensor tensor, int axis) {
    if (axis >= tensor.shape().size() || tensor.shape().get(axis) > Integer.MAX_VALUE) {
      throw InputException.in(
          file, tensor.name(), "has shape " + tensor.shape() + "; export the model again");
    }
    return tensor.shape().get(axis).intValue();
  }

  /**
   * The third of the four sizes [batch, tokens, heads, headSize] the query is reshaped to, or
   * worked out of the fourth where it is -1: newer versions of Transformers leave it open.
   */
  private int heads(int hiddenSize) {
    String query = BertTensors.layer(0, BertTensors.QUERY);
    String shape =
        graph
            .consumer(biasAdd(query).output(), "Reshape")
            .map(reshape -> reshape.input(1))
            .orElseThrow(() -> unclear(query, "a Reshape that splits it into heads"));
    long count = shapeAt(query, shape, 2);
    if (count == -1) {
      long size = shapeAt(query, shape, 3);
      count = size > 0 && hiddenSize % size == 0 ? hiddenSize / size : 0;
    }
    if (count < 1 || count > Integer.MAX_VALUE) {
      throw unclear(query, "a positive number of heads");
    }
    return (int) count;
  }

  private long shapeAt(String query, String shape, int axis) {
    Tensor size =
        graph
            .producer(shape, "Concat")
            .filter(concat -> concat.inputs().size() == 4)
            .flatMap(concat -> graph.constant(concat.input(axis)))
            .or(() -> graph.constant(shape).filter(constant -> constant.elements() == 4))
            .filter(constant -> !constant.type().isFloat())
            .orElseThrow(() -> unclear(query, "constant numbers of heads and their size"));
    return size.longAt(size.elements() == 4 ? axis : 0);
  }

  /** Norm = weight · (x − mean) / sqrt(variance + epsilon) + bias, spelled out or as one node. */
  private double epsilon() {
    String weight = prefix + BertTensors.EMBEDDING_NORM + ".weight";
    OnnxNode norm = graph.consumer(weight, "LayerNormalization").orElse(null);
    if (norm != null) {
      return decimal(norm.floats().getOrDefault("epsilon", 1e-5f));
    }
    return graph
        .consumer(weight, "Mul")
        .flatMap(mul -> graph.producer(OnnxGraph.other(mul, weight), "Div"))
        .flatMap(div -> graph.producer(div.input(1), "Sqrt"))
        .flatMap(sqrt -> graph.producer(sqrt.input(0), "Add"))
        .flatMap(graph::constantInput)
        .filter(constant -> constant.elements() == 1)
        .map(constant -> decimal(constant.floatAt(0)))
        .orElseThrow(() -> unclear(BertTensors.EMBEDDING_NORM, "a layer norm's epsilon"));
  }

  /** The double of the same decimal digits: 1e-12, not 9.999999960041972e-13. */
  private static double decimal(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  private String activation(String intermediate) {
    String value = biasAdd(intermediate).output();
    boolean relu = graph.consumer(value, "Relu").isPresent();
    boolean gelu =
        graph
                .consumer(value, "Gelu")
                .filter(node -> !node.strings().getOrDefault("approximate", "").equals("tanh"))
                .isPresent()
            || graph.consumers(value).stream()
                .anyMatch(node -> graph.consumer(node.output(), "Erf").isPresent());
    if (relu == gelu) {
      throw unclear(intermediate, "GELU (with Erf) or ReLU after it");
    }
    return relu ? "relu" : "gelu";
  }

  private OnnxNode biasAdd(String linear) {
    return graph
        .consumer(prefix + linear + ".bias", "Add")
        .orElseThrow(() -> unclear(linear, "an Add of its bias"));
  }

  /** A tensor that kept its name, or an embedding that became quantised. */
  private Tensor named(String name) {
    return graph
        .constant(prefix + name)
        .map(tensor -> tensor.named(name))
        .or(() -> graph.constant(prefix + name + QUANTIZED).map(q -> embedding(name, q)))
        .orElseThrow(() -> missing(name));
  }

  private Tensor embedding(String name, Tensor stored) {
    OnnxNode dequantize =
        graph
            .consumer(stored.name(), "Gather")
            .flatMap(gather -> graph.consumer(gather.output(), "DequantizeLinear"))
            .orElseThrow(() -> unclear(name, "a Gather and DequantizeLinear of its rows"));
    return floats(name, quantised(name, stored, dequantize.input(1), dequantize.input(2)), false);
  }

  /** The matrix multiplied before the bias is added; stored [in, out], returned as [out, in]. */
  private Tensor linear(String name) {
    if (graph.constant(prefix + name).isPresent()) {
      return named(name);
    }
    String linear = name.substring(0, name.length() - ".weight".length());
    String product = OnnxGraph.other(biasAdd(linear), prefix + linear + ".bias");
    return graph
        .producer(product, "MatMul")
        .flatMap(matMul -> graph.constant(matMul.input(1)))
        .map(stored -> floats(name, StoredMatrix.plain(stored), true))
        .or(() -> graph.producer(product, "Mul").map(mul -> quantisedLinear(name, mul)))
        .orElseThrow(() -> unclear(name, "a MatMul before its bias"));
  }

  /** Mul(Cast(MatMulInteger(x, w, _, zero)), Mul(scale of x, scale of w)). */
  private Tensor quantisedLinear(String name, OnnxNode mul) {
    for (int i = 0; i < 2; i++) {
      OnnxNode product =
          graph
              .producer(mul.input(i), "Cast")
              .flatMap(cast -> graph.producer(cast.input(0), "MatMulInteger"))
              .orElse(null);
      OnnxNode scales = graph.producer(mul.input(1 - i), "Mul").orElse(null);
      if (product != null && scales != null) {
        String scale =
            scales.inputs().stream()
                .filter(input -> graph.constant(input).isPresent())
                .findFirst()
                .orElseThrow(() -> unclear(name, "a constant scale"));
        Tensor stored =
            graph
                .constant(product.input(1))
                .orElseThrow(() -> unclear(name, "a constant int8 matrix"));
        return floats(name, quantised(name, stored, scale, product.input(3)), true);
      }
    }
    throw unclear(name, "a MatMulInteger, its Cast and its scales before its bias");
  }

  private StoredMatrix quantised(String name, Tensor stored, String scale, String zeroPoint) {
    return new StoredMatrix(
        stored,
        graph.constant(scale).orElseThrow(() -> unclear(name, "a constant scale")),
        zeroPoint.isEmpty()
            ? Tensor.ofFloats(name, new float[] {0})
            : graph.constant(zeroPoint).orElseThrow(() -> unclear(name, "a constant zero point")));
  }

  private Tensor floats(String name, StoredMatrix matrix, boolean transpose) {
    return matrix
        .toFloats(name, transpose, arena)
        .orElseThrow(() -> unclear(name, "scales and zero points for a tensor or its columns"));
  }

  private InputException missing(String name) {
    return InputException.in(
        file, name, "not found, so this is no BERT encoder; name another model");
  }

  private InputException unclear(String name, String wanted) {
    return InputException.in(
        file, name, "the graph has not " + wanted + "; export it with PyTorch's exporter");
  }
}
