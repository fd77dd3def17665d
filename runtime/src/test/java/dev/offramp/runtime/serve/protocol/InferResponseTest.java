package dev.offramp.runtime.serve.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.offramp.runtime.Request;
import dev.offramp.runtime.Result;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class InferResponseTest {
  private static final Result FIRST =
      new Result(2, "\"a\\b\"\n☺", 0.1f, 3, new float[] {0.25f, 1e-12f, 0.75f});
  private static final Result SECOND =
      new Result(0, "b", 1, 0, new float[] {1, 0, Float.MIN_VALUE});

  private static byte[] write(String id, List<Output> outputs, List<Result> results) {
    List<Request> requests = Collections.nCopies(results.size(), Request.of("x"));
    return InferResponse.write(
        "m/1", null, new InferRequest(id, requests, outputs), results, new JsonObject());
  }

  @Test
  void writesWhatWasAskedForInThatOrder() {
    List<Output> outputs = List.of(Output.LABEL, Output.EXIT, Output.PREDICTION);
    assertThat(new String(write(null, outputs, List.of(FIRST, SECOND)), StandardCharsets.UTF_8))
        .isEqualTo(
            """
            {"model_name":"m/1","outputs":[\
            {"name":"label","datatype":"BYTES","shape":[2],"data":["\\"a\\\\b\\"\\u000a☺","b"]},\
            {"name":"exit","datatype":"INT32","shape":[2],"data":[3,0]},\
            {"name":"prediction","datatype":"INT32","shape":[2],"data":[2,0]}]}\
            """);
  }

  @Test
  void obeysTheProtocolWhateverIsAsked() {
    JsonObject parameters = new JsonObject();
    parameters.addProperty("certificate", "12<ab>");
    parameters.addProperty("alarm", false);
    parameters.addProperty("risk", 0.05);
    for (int asked = 1; asked < 1 << Output.values().length; asked++) {
      List<Output> outputs = new ArrayList<>();
      for (Output output : Output.values()) {
        if ((asked >> output.ordinal() & 1) == 1) {
          outputs.add(output);
        }
      }
      InferRequest request =
          new InferRequest("42", List.of(Request.of("x"), Request.of("y")), outputs);
      List<Result> results = List.of(FIRST, SECOND);
      JsonObject json =
          Schema.inferResponse(InferResponse.write("m", "3", request, results, parameters));
      assertThat(json.get("model_name").getAsString()).isEqualTo("m");
      assertThat(json.get("model_version").getAsString()).isEqualTo("3");
      assertThat(json.get("id").getAsString()).isEqualTo("42");
      assertThat(json.getAsJsonObject("parameters")).isEqualTo(parameters);
      assertThat(json.getAsJsonArray("outputs"))
          .extracting(output -> output.getAsJsonObject().get("name").getAsString())
          .containsExactlyElementsOf(outputs.stream().map(Output::tensor).toList());
    }
  }

  @Test
  void floatsComeBackBitForBit() {
    Random random = new Random(8);
    float[] all = new float[10_000];
    for (int i = 0; i < all.length; i++) {
      all[i] = i % 2 == 0 ? random.nextFloat() : Float.intBitsToFloat(random.nextInt());
      all[i] = Float.isFinite(all[i]) ? all[i] : 0;
    }
    Result result = new Result(0, "a", 0.3f, 0, all);
    JsonObject json =
        Schema.inferResponse(write(null, List.of(Output.PROBABILITIES), List.of(result)));
    JsonObject tensor = json.getAsJsonArray("outputs").get(0).getAsJsonObject();
    assertThat(tensor.getAsJsonArray("shape").toString()).isEqualTo("[1,10000]");
    JsonArray data = tensor.getAsJsonArray("data");
    for (int i = 0; i < all.length; i++) {
      assertThat(data.get(i).getAsFloat()).isEqualTo(all[i]);
    }
  }

  @Test
  void anyIdComesBack() {
    for (String id : List.of("", "\u0000\u001f\"\\/", "😀 é", "\ud800x\udc00")) {
      assertThat(
              Schema.inferResponse(write(id, List.of(Output.EXIT), List.of(SECOND)))
                  .get("id")
                  .getAsString())
          .isEqualTo(id);
    }
  }

  @Test
  void writesNothingThatJsonHasNoNumberFor() {
    for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY}) {
      Result unsure = new Result(0, "a", bad, 0, new float[] {1});
      Result spread = new Result(0, "a", 1, 0, new float[] {1, bad});
      refuses(Output.CONFIDENCE, unsure, "the model computed " + bad);
      refuses(Output.PROBABILITIES, spread, "the model computed " + bad);
      // What is not asked for does not matter.
      Schema.inferResponse(write(null, List.of(Output.PREDICTION), List.of(unsure, spread)));
    }
    Result without = new Result(0, "a", 1, 0, null);
    refuses(Output.PROBABILITIES, without, "the result has no probabilities");
    InferRequest two =
        new InferRequest(null, Collections.nCopies(2, Request.of("x")), Output.USUAL);
    assertThatThrownBy(() -> InferResponse.write("m", null, two, List.of(FIRST), new JsonObject()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("1 results for 2 inputs");
  }

  private static void refuses(Output output, Result result, String message) {
    assertThatThrownBy(() -> write(null, List.of(output), List.of(result)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message);
  }
}
