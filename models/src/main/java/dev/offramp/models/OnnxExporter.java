package dev.offramp.models;

import static dev.offramp.models.OnnxType.F16;
import static dev.offramp.models.OnnxType.F32;
import static dev.offramp.models.OnnxType.I64;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a model directory as ONNX, opset 12, the whole network or the layers between two exits,
 * with the axis {@code batch} open, and {@code sequence} for texts.
 *
 * <p>Inputs for texts are {@code input_ids} and {@code attention_mask}, I64 [batch, sequence], the
 * mask 1 for tokens and 0 for padding; all token types are 0. The input for images is {@code
 * pixel_values}, F32 [batch, channels, height, width], normalized: (byte / 255 - mean) / std.
 */
public final class OnnxExporter {
  public static final String INPUT_IDS = "input_ids";
  public static final String ATTENTION_MASK = "attention_mask";

  /** F32 [batch, channels, height, width], normalized. */
  public static final String PIXEL_VALUES = "pixel_values";

  /**
   * What a segment takes from the one before: F32 [batch, sequence, hiddenSize], or [batch,
   * channels, height, width].
   */
  public static final String HIDDEN_STATES = "hidden_states";

  /** What a segment hands to the next, of the shape of {@link #HIDDEN_STATES}. */
  public static final String NEXT_HIDDEN_STATES = "next_hidden_states";

  /** Of a network without exit heads, of the shape of {@link #HIDDEN_STATES}. */
  public static final String LAST_HIDDEN_STATE = "last_hidden_state";

  /** F32 [batch, labels]. */
  public static final String LOGITS = "logits";

  /** I64 [batch], class numbers. */
  public static final String PREDICTION = "prediction";

  /** F32 [batch], in [0, 1]. */
  public static final String CONFIDENCE = "confidence";

  private OnnxExporter() {}

  /**
   * Layers that run in one go.
   *
   * @param from layers run before it; 0 takes {@link #INPUT_IDS} or {@link #PIXEL_VALUES}, others
   *     {@link #HIDDEN_STATES}
   * @param to layers run after it
   * @param exit number of the exit whose head it ends with, or -1 for none
   */
  public record Segment(int from, int to, int exit) {}

  /** All layers with the last exit head, or without one if the model has none. */
  public static Segment whole(ModelConfig config) {
    return new Segment(0, config.architecture().layers(), config.exits().size() - 1);
  }

  /** The layers up to each exit, from the one before. */
  public static List<Segment> segments(ModelConfig config) {
    List<Segment> segments = new ArrayList<>();
    int from = 0;
    for (int exit = 0; exit < config.exits().size(); exit++) {
      int to = config.exits().get(exit).afterLayer();
      segments.add(new Segment(from, to, exit));
      from = to;
    }
    return segments;
  }

  /**
   * Writes a segment, by way of a temporary file.
   *
   * @throws InputException if it needs more than the 2 GB that an ONNX file holds, or the cells of
   *     an image's grid differ in size
   */
  public static void write(ModelDirectory model, Segment segment, Path file) {
    write(model, Map.of(file, segment));
  }

  /**
   * Writes segments, by way of temporary files. Where one is refused none is written.
   *
   * @param segments by file
   * @throws InputException as {@link #write(ModelDirectory, Segment, Path)}
   */
  public static void write(ModelDirectory model, Map<Path, Segment> segments) {
    Map<Path, Disk.Writer> writers = new LinkedHashMap<>();
    segments.forEach((file, segment) -> {
      OnnxGraphWriter graph = graph(model, segment); // Without weights, which are read later.
      writers.put(file, temporary -> graph.writeTo(temporary, model.config().name()));
    });
    Disk.replaceFiles(writers);
  }

  /**
   * Writes {@link #whole} for ONNX Runtime on a card: in its own operators where there are any, and
   * on request with weights in F16, in which the layers compute then. Inputs, outputs and what the
   * head does after pooling are as ever; padding must come last.
   *
   * @throws InputException as {@link #write}
   */
  public static void writeForCard(ModelDirectory model, boolean half, Path file) {
    Disk.replaceFile(
        file,
        temporary -> {
          OnnxGraphWriter graph = new OnnxGraphWriter(half ? F16 : F32);
          Segment whole = whole(model.config());
          switch (model.config().architecture()) {
            case BertArchitecture bert ->
                texts(graph, model, new BertOnnxRuntimeLayers(graph, model), bert, whole);
            case ResnetArchitecture resnet -> images(graph, model, resnet, whole);
          }
          graph.writeTo(temporary, model.config().name());
        });
  }

  private static OnnxGraphWriter graph(ModelDirectory model, Segment segment) {
    OnnxGraphWriter graph = new OnnxGraphWriter(F32);
    switch (model.config().architecture()) {
      case BertArchitecture bert ->
          texts(graph, model, new BertOnnxLayers(graph, model), bert, segment);
      case ResnetArchitecture resnet -> images(graph, model, resnet, segment);
    }
    return graph;
  }

  private static void texts(
      OnnxGraphWriter graph,
      ModelDirectory model,
      BertOnnxLayers layers,
      BertArchitecture architecture,
      Segment segment) {
    boolean first = segment.from() == 0;
    boolean last = segment.to() == architecture.layers();
    Object[] states = {"batch", "sequence", architecture.hiddenSize()};
    String input =
        first
            ? graph.input(INPUT_IDS, I64, "batch", "sequence")
            : graph.input(HIDDEN_STATES, F32, states);
    String mask = graph.input(ATTENTION_MASK, I64, "batch", "sequence");
    String output = last ? LAST_HIDDEN_STATE : NEXT_HIDDEN_STATES;
    String added = layers.mask(mask);
    String x = first ? layers.embeddings(input) : input;
    for (int l = segment.from(); l < segment.to(); l++) {
      String name = l == segment.to() - 1 ? result(graph, output) : BertTensors.layer(l, "output");
      x = layers.layer(l, x, added, name);
    }
    if (!last || segment.exit() < 0) {
      graph.cast(x, graph.floats(), output, F32);
      graph.output(output, F32, states);
    }
    if (segment.exit() >= 0) {
      OnnxHead head = head(graph, model, segment.exit());
      String weight = graph.weight(model.tensor(ModelTensors.exitWeight(segment.exit())), F32);
      scores(graph, model, segment.exit(), head, head.pooled(x, mask), weight);
    }
  }

  private static void images(
      OnnxGraphWriter graph,
      ModelDirectory model,
      ResnetArchitecture architecture,
      Segment segment) {
    ResnetOnnxLayers layers = new ResnetOnnxLayers(graph, model);
    boolean first = segment.from() == 0;
    boolean last = segment.to() == architecture.layers();
    String x =
        first
            ? graph.input(PIXEL_VALUES, F32, states(architecture.image()))
            : graph.input(HIDDEN_STATES, F32, states(after(architecture, segment.from())));
    if (first) {
      x = layers.stem(graph.cast(x, F32, "pixels", graph.floats()));
    }
    String output = last ? LAST_HIDDEN_STATE : NEXT_HIDDEN_STATES;
    for (int b = segment.from(); b < segment.to(); b++) {
      String name =
          b == segment.to() - 1 ? result(graph, output) : ResnetTensors.block(b, "output");
      x = layers.block(b, x, name);
    }
    if (!last || segment.exit() < 0) {
      graph.cast(x, graph.floats(), output, F32);
      graph.output(output, F32, states(after(architecture, segment.to())));
    }
    if (segment.exit() >= 0) {
      OnnxHead head = head(graph, model, segment.exit());
      String pooled = layers.pooled(segment.exit(), x);
      scores(graph, model, segment.exit(), head, pooled, layers.headWeight(segment.exit()));
    }
  }

  /** The name of what the last layer gives, which is an output only where that is F32. */
  private static String result(OnnxGraphWriter graph, String output) {
    return graph.floats() == F32 ? output : output + "_rounded";
  }

  private static ResnetArchitecture.Image after(ResnetArchitecture architecture, int layer) {
    return architecture.blocks().get(layer - 1).out();
  }

  private static Object[] states(ResnetArchitecture.Image image) {
    return new Object[] {"batch", image.channels(), image.height(), image.width()};
  }

  private static OnnxHead head(OnnxGraphWriter graph, ModelDirectory model, int exit) {
    return new OnnxHead(graph, model.config().exits().get(exit).head());
  }

  private static void scores(
      OnnxGraphWriter graph,
      ModelDirectory model,
      int exit,
      OnnxHead head,
      String pooled,
      String weight) {
    int labels = model.config().labels().size();
    String bias = graph.weight(model.tensor(ModelTensors.exitBias(exit)), F32);
    head.logits(pooled, weight, bias, LOGITS);
    head.prediction(LOGITS, PREDICTION);
    head.confidence(LOGITS, labels, CONFIDENCE);
    graph.output(LOGITS, F32, "batch", labels);
    graph.output(PREDICTION, I64, "batch");
    graph.output(CONFIDENCE, F32, "batch");
  }
}
