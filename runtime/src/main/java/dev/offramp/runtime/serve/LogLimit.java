package dev.offramp.runtime.serve;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.logging.Level;
import java.util.logging.LogRecord;

/**
 * Lets through so many entries a minute of each logger at each level. A device that is lost fails
 * each request, and a stack trace for each of thousands a second would fill the disk.
 */
final class LogLimit {
  static final int ENTRIES = 60;
  private static final Duration TIME = Duration.ofMinutes(1);

  /** Whose entries are counted together: a warning that comes often hides no error. */
  private record Kind(String logger, Level level) {}

  private static final class Window {
    long start;
    Instant end; // to be told; null before the first entry
    int entries;
    int leftOut;
  }

  private final Map<Kind, Window> windows = new HashMap<>();
  private final LongSupplier nanos;

  /**
   * @param nanos the time as {@link System#nanoTime} tells it: the clock on the wall may be set
   *     back, and nothing would be logged until it is again as late as it was
   */
  LogLimit(LongSupplier nanos) {
    this.nanos = nanos;
  }

  /**
   * Hands on the entry, unless there have been too many of its kind, and what is to be said of
   * those that are left out.
   */
  synchronized void pass(LogRecord entry, Consumer<LogRecord> to) {
    Window window =
        windows.computeIfAbsent(
            new Kind(entry.getLoggerName(), entry.getLevel()), kind -> new Window());
    long now = nanos.getAsLong();
    if (window.end == null || now - window.start >= TIME.toNanos()) {
      if (window.leftOut > 0) {
        to.accept(about(entry, window.leftOut + " entries were left out before " + window.end));
      }
      window.start = now;
      window.end = entry.getInstant().plus(TIME);
      window.entries = 0;
      window.leftOut = 0;
    }
    window.entries++;
    if (window.entries > ENTRIES) {
      window.leftOut++;
      return;
    }
    to.accept(entry);
    if (window.entries == ENTRIES) {
      to.accept(about(entry, "more entries like this are left out until " + window.end));
    }
  }

  private static LogRecord about(LogRecord entry, String message) {
    LogRecord about = new LogRecord(entry.getLevel(), message);
    about.setLoggerName(entry.getLoggerName());
    about.setInstant(entry.getInstant());
    return about;
  }
}
