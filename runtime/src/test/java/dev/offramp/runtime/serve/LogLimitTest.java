package dev.offramp.runtime.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;

class LogLimitTest {
  private static final Instant NOON = Instant.parse("2026-11-27T12:00:00Z");
  private static final long START = Long.MAX_VALUE - 1; // it goes on from the least number

  private long nanos = START;
  private final LogLimit limit = new LogLimit(() -> nanos);
  private final List<String> written = new ArrayList<>();

  private void log(String logger, Level level, String message, int second) {
    nanos = START + TimeUnit.SECONDS.toNanos(second);
    LogRecord entry = new LogRecord(level, message);
    entry.setLoggerName(logger);
    entry.setInstant(NOON.plusSeconds(second));
    pass(entry);
  }

  private void pass(LogRecord entry) {
    limit.pass(
        entry,
        passed ->
            written.add(
                passed.getLoggerName() + " " + passed.getLevel() + " " + passed.getMessage()));
  }

  @Test
  void whatComesTooOftenIsLeftOutAndCounted() {
    for (int i = 0; i < LogLimit.ENTRIES + 5; i++) {
      log("a", Level.WARNING, "failed", 0);
    }
    log("a", Level.WARNING, "failed", 59);
    assertThat(written).hasSize(LogLimit.ENTRIES + 1).startsWith("a WARNING failed");
    assertThat(written.getLast())
        .isEqualTo("a WARNING more entries like this are left out until 2026-11-27T12:01:00Z");

    written.clear();
    log("a", Level.WARNING, "failed", 60);
    log("a", Level.WARNING, "failed", 60);
    assertThat(written)
        .containsExactly(
            "a WARNING 6 entries were left out before 2026-11-27T12:01:00Z",
            "a WARNING failed",
            "a WARNING failed");
  }

  @Test
  void aClockThatIsSetBackHidesNothing() {
    for (int i = 0; i < LogLimit.ENTRIES + 5; i++) {
      log("a", Level.WARNING, "failed", 0);
    }
    written.clear();
    nanos += TimeUnit.MINUTES.toNanos(1);
    LogRecord entry = new LogRecord(Level.WARNING, "failed");
    entry.setLoggerName("a");
    entry.setInstant(NOON.minusSeconds(3600));
    pass(entry);
    assertThat(written)
        .containsExactly(
            "a WARNING 5 entries were left out before 2026-11-27T12:01:00Z", "a WARNING failed");
  }

  @Test
  void anotherLoggerAndAnotherLevelAreNotHidden() {
    for (int i = 0; i < LogLimit.ENTRIES + 1; i++) {
      log("a", Level.WARNING, "failed", 0);
    }
    written.clear();
    log("a", Level.SEVERE, "ALARM", 1);
    log("b", Level.WARNING, "failed", 1);
    log("a", Level.WARNING, "failed", 1);
    assertThat(written).containsExactly("a SEVERE ALARM", "b WARNING failed");
  }
}
