package dev.offramp.models;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The contents of a model directory's config.json.
 *
 * @param format version of this format, {@value #FORMAT}
 * @param family {@code bert} or {@code resnet}: what architecture and preprocessing are about
 * @param name what to call the model
 * @param labels the classes of the exit heads, in the order of their logits; empty without exits
 * @param exits ascending in depth, the last one after the last layer; empty for a backbone without
 *     heads
 * @param source where the weights came from: an artifact's coordinates or a file's name, and then
 *     {@value #WITH_ADAPTER} and the adapter's file name if one was merged
 */
public record ModelConfig(
    int format,
    String family,
    String name,
    Architecture architecture,
    Preprocessing preprocessing,
    List<String> labels,
    List<Exit> exits,
    String source) {
  public static final int FORMAT = 1;
  static final String WITH_ADAPTER = " + ";
  static final String BERT = "bert";
  static final String RESNET = "resnet";
  static final List<String> FAMILIES = List.of(BERT, RESNET);
  static final long MAX_BYTES = 8 << 20;
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  public ModelConfig {
    labels = List.copyOf(labels);
    exits = List.copyOf(exits);
  }

  /**
   * Reads and validates a config.json.
   *
   * @throws InputException on a missing, unknown, mistyped or out-of-range field, naming its path
   */
  public static ModelConfig read(Path file) {
    return parse(file, Disk.readText(file, MAX_BYTES));
  }

  /** As {@link #read}, of what was read of the file. */
  static ModelConfig parse(Path file, String text) {
    Json json = Json.parse(file, text);
    json.exactly(
        "format", "family", "name", "architecture", "preprocessing", "labels", "exits", "source");
    String family = json.field("family").string();
    Json architecture = json.field("architecture");
    Json preprocessing = json.field("preprocessing");
    boolean images = family.equals(RESNET);
    new FieldCheck(file).oneOf("$.family", family, FAMILIES);
    ModelConfig config =
        new ModelConfig(
            json.field("format").smallInteger(),
            family,
            json.field("name").string(),
            images ? ResnetArchitecture.of(architecture) : BertArchitecture.of(architecture),
            images ? ImagePreprocessing.of(preprocessing) : TextPreprocessing.of(preprocessing),
            json.field("labels").list().stream().map(Json::string).toList(),
            Exit.listOf(json.field("exits")),
            json.field("source").string());
    ModelConfigCheck.check(config, file);
    return config;
  }

  /** Whether inputs are texts; else they are images. */
  public boolean takesTexts() {
    return preprocessing instanceof TextPreprocessing;
  }

  /** Sizes of a {@code bert} model. */
  public BertArchitecture bert() {
    return (BertArchitecture) architecture;
  }

  /** Sizes of a {@code resnet} model. */
  public ResnetArchitecture resnet() {
    return (ResnetArchitecture) architecture;
  }

  /** The artifact that the encoder came from, if it came from one. */
  public Optional<MavenArtifact> artifact() {
    String encoder = source.split(Pattern.quote(WITH_ADAPTER), 2)[0];
    return Optional.of(encoder).filter(MavenArtifact::looksLike).map(MavenArtifact::parse);
  }

  /** Whether an adapter was merged, so that the encoder's weights are not those of its source. */
  public boolean adapted() {
    return source.contains(WITH_ADAPTER);
  }

  /** Longest row: tokens that a text is cut to, or the pixels of an image. */
  public int longestRow() {
    return preprocessing instanceof TextPreprocessing text
        ? text.maxTokens()
        : architecture.maxPositions();
  }

  public String toJson() {
    return GSON.toJson(this) + "\n";
  }

  /** The same backbone with other exits. */
  public ModelConfig withExits(String name, List<String> labels, List<Exit> exits) {
    return new ModelConfig(
        format, family, name, architecture, preprocessing, labels, exits, source);
  }
}
