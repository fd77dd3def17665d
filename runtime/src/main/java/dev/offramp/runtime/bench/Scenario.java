package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import java.util.List;

/** One way of putting load on the modes. */
public sealed interface Scenario permits Offline, SingleStream, Server {
  String OFFLINE = "offline";
  String SINGLE_STREAM = "single-stream";
  String SERVER = "server";

  /**
   * What was found at one size of batch.
   *
   * @param cases one a mode, as in the JSON document
   * @param ratios full depth against each other mode
   * @param leftOut modes that were not timed, with the reason
   */
  record Measured(List<JsonObject> cases, JsonObject ratios, JsonObject leftOut) {}

  /** What the table shows of a case. */
  List<Column> columns();

  /** What the table's ratio is, a sentence. */
  String footnote();

  /** Times every mode at a size of batch. */
  Measured measure(int batch);
}
