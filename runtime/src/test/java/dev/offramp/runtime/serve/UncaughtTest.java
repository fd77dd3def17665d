package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class UncaughtTest {
  @Test
  void endsTheProcessWhereMemoryRanOut() {
    List<Integer> codes = new ArrayList<>();
    Uncaught uncaught = new Uncaught(codes::add);
    uncaught.uncaughtException(Thread.currentThread(), new IllegalStateException("x"));
    assertThat(codes).isEmpty();
    uncaught.uncaughtException(Thread.currentThread(), new OutOfMemoryError("x"));
    assertThat(codes).containsExactly(1);
  }
}
