package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class InputsTest {
  @Test
  void whatIsShuffledStaysTogether() {
    List<Integer> numbers = IntStream.range(0, 100).boxed().toList();
    Inputs inputs =
        new Inputs(
            numbers.stream().map(n -> "label " + n).toList(),
            numbers.stream().map(n -> new int[] {n}).toList(),
            numbers.stream().map(n -> "source " + n).toList());

    Inputs shuffled = inputs.shuffled(5);

    List<Integer> order = shuffled.rows().stream().map(row -> row[0]).toList();
    assertThat(order).containsExactlyInAnyOrderElementsOf(numbers).isNotEqualTo(numbers);
    assertThat(shuffled.labels()).isEqualTo(order.stream().map(n -> "label " + n).toList());
    assertThat(shuffled.sources()).isEqualTo(order.stream().map(n -> "source " + n).toList());
    assertThat(inputs.shuffled(5).labels()).isEqualTo(shuffled.labels());
    assertThat(inputs.shuffled(6).labels()).isNotEqualTo(shuffled.labels());
  }
}
