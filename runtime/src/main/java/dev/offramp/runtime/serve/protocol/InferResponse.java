package dev.offramp.runtime.serve.protocol;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.offramp.runtime.Result;
import java.util.List;

/** Writes the answer to an inference request. */
public final class InferResponse {
  static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private InferResponse() {}

  /**
   * The body of an answer.
   *
   * @param model its name
   * @param version its version, or null if models have none
   * @param request what was asked
   * @param results one for each of its inputs, in their order
   * @param parameters strings, numbers and booleans that say more; left out if empty
   * @return JSON in UTF-8
   * @throws IllegalArgumentException if there are not as many results as inputs, a number to be
   *     told is not finite, or probabilities to be told are missing
   */
  public static byte[] write(
      String model,
      String version,
      InferRequest request,
      List<Result> results,
      JsonObject parameters) {
    if (results.size() != request.requests().size()) {
      throw new IllegalArgumentException(
          "%d results for %d inputs".formatted(results.size(), request.requests().size()));
    }
    JsonText json = new JsonText().raw("{\"model_name\":").string(model);
    if (version != null) {
      json.raw(",\"model_version\":").string(version);
    }
    if (request.id() != null) {
      json.raw(",\"id\":").string(request.id());
    }
    if (!parameters.isEmpty()) {
      json.raw(",\"parameters\":").raw(GSON.toJson(parameters));
    }
    json.raw(",\"outputs\":[");
    String separator = "";
    for (Output output : request.outputs()) {
      json.raw(separator);
      tensor(json, output, results);
      separator = ",";
    }
    return json.raw("]}").bytes();
  }

  private static void tensor(JsonText json, Output output, List<Result> results) {
    json.raw("{\"name\":\"").raw(output.tensor());
    json.raw("\",\"datatype\":\"").raw(output.datatype());
    json.raw("\",\"shape\":[").number(results.size());
    if (output == Output.PROBABILITIES) {
      json.raw(",").number(probabilities(results.getFirst()).length);
    }
    json.raw("],\"data\":[");
    for (int i = 0; i < results.size(); i++) {
      json.raw(i == 0 ? "" : ",");
      value(json, output, results.get(i));
    }
    json.raw("]}");
  }

  private static void value(JsonText json, Output output, Result result) {
    switch (output) {
      case PREDICTION -> json.number(result.prediction());
      case CONFIDENCE -> json.number(result.confidence());
      case EXIT -> json.number(result.exit());
      case LABEL -> json.string(result.label());
      case PROBABILITIES -> {
        float[] probabilities = probabilities(result);
        for (int c = 0; c < probabilities.length; c++) {
          json.raw(c == 0 ? "" : ",").number(probabilities[c]);
        }
      }
    }
  }

  private static float[] probabilities(Result result) {
    if (result.probabilities() == null) {
      throw new IllegalArgumentException("the result has no probabilities");
    }
    return result.probabilities();
  }
}
