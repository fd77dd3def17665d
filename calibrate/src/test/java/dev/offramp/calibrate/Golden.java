package dev.offramp.calibrate;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;

/** Reference vectors, computed in 60-digit arithmetic; not part of the repository. */
final class Golden {
  private Golden() {}

  /** The cases of one array, or a visible skip where the reference is absent. */
  static List<JsonObject> cases(Class<?> test, String array) throws IOException {
    Path file =
        Path.of(System.getProperty("offramp.shared", "../../shared"), "reference", "golden.json");
    if (!Files.exists(file)) {
      String reason = "no reference vectors at " + file;
      System.err.println("SKIPPED " + test.getSimpleName() + ": " + reason);
      assumeTrue(false, reason);
    }
    JsonObject golden = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    return StreamSupport.stream(golden.getAsJsonArray(array).spliterator(), false)
        .map(element -> element.getAsJsonObject())
        .toList();
  }

  static double[] numbers(JsonArray array) {
    return StreamSupport.stream(array.spliterator(), false)
        .mapToDouble(element -> element.getAsDouble())
        .toArray();
  }
}
