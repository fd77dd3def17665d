package dev.offramp.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImporterTest {
  @TempDir Path temp;

  @Test
  void importsFp32AndInt8OfTheSameModel() {
    Path fp32 = temp.resolve("fp32");
    Path int8 = temp.resolve("int8");
    List<String> steps = new ArrayList<>();
    ImportOptions options =
        ImportOptions.defaults().withProgress((step, number, of) -> steps.add(number + "/" + of));
    ModelConfig config = Importer.importModel(TestModels.MINILM, fp32, options);
    Importer.importModel(TestModels.MINILM_INT8, int8, ImportOptions.defaults());
    assertThat(steps).containsExactly("1/3", "2/3", "3/3");
    assertThat(config.architecture())
        .isEqualTo(new Architecture(6, 384, 12, 1536, 30522, 512, 2, 1e-12, "gelu"));
    assertThat(config.exits()).isEmpty();
    assertThat(config.preprocessing().maxTokens()).isEqualTo(128);
    try (ModelDirectory a = ModelDirectory.open(fp32);
        ModelDirectory b = ModelDirectory.open(int8)) {
      assertThat(a.config()).isEqualTo(config);
      assertThat(b.config().architecture()).isEqualTo(config.architecture());
      a.tensors()
          .forEach((name, tensor) ->
              assertThat(relativeError(tensor, b.tensor(name))).as(name).isLessThan(1 / 126.0));
      assertThat(a.hash()).hasSize(64).isNotEqualTo(b.hash());
    }
  }

  @Test
  void importsBgeSmall() {
    Path out = temp.resolve("bge");
    ModelConfig config =
        Importer.importModel(
            TestModels.BGE_SMALL, out, ImportOptions.defaults().withName("bge").withMaxTokens(64));
    assertThat(config.architecture())
        .isEqualTo(new Architecture(12, 384, 12, 1536, 30522, 512, 2, 1e-12, "gelu"));
    assertThat(config.name()).isEqualTo("bge");
    try (ModelDirectory model = ModelDirectory.open(out)) {
      assertThat(model.config().preprocessing().maxTokens()).isEqualTo(64);
    }
  }

  /** Largest difference over the largest value; matrices have 127 steps from −max to max. */
  private static double relativeError(Tensor a, Tensor b) {
    assertThat(b.shape()).isEqualTo(a.shape());
    double difference = 0;
    double largest = 0;
    for (long i = 0; i < a.elements(); i++) {
      double x = a.floatAt(i);
      difference = Math.max(difference, Math.abs(x - b.floatAt(i)));
      largest = Math.max(largest, Math.abs(x));
    }
    return difference / largest;
  }
}
