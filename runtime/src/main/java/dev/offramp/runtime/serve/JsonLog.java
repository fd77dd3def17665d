package dev.offramp.runtime.serve;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** A JSON object a line on stderr for all that is logged, whoever logs it. */
public final class JsonLog extends Formatter {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private JsonLog() {}

  /** Takes the place of what the JVM has set up. */
  public static void install() {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    LogLimit limit = new LogLimit(System::nanoTime);
    Handler lines =
        new ConsoleHandler() {
          @Override
          public void publish(LogRecord entry) {
            limit.pass(entry, super::publish);
          }
        };
    lines.setLevel(Level.INFO);
    lines.setFormatter(new JsonLog());
    root.addHandler(lines);
  }

  /** Writes a line of its own, be the logging shut down or not. */
  static void line(String message) {
    LogRecord entry = new LogRecord(Level.INFO, message);
    entry.setLoggerName(JsonLog.class.getName());
    System.err.print(new JsonLog().format(entry));
  }

  @Override
  public String format(LogRecord entry) {
    JsonObject line = new JsonObject();
    line.addProperty("time", entry.getInstant().toString());
    line.addProperty("level", level(entry.getLevel()));
    line.addProperty("logger", entry.getLoggerName());
    line.addProperty("message", formatMessage(entry));
    if (entry.getThrown() != null) {
      StringWriter trace = new StringWriter();
      entry.getThrown().printStackTrace(new PrintWriter(trace));
      line.addProperty("exception", trace.toString());
    }
    return GSON.toJson(line) + "\n";
  }

  /** As System.Logger and most others call them. */
  private static String level(Level level) {
    if (level.intValue() >= Level.SEVERE.intValue()) {
      return "ERROR";
    }
    return level.intValue() >= Level.WARNING.intValue() ? "WARNING" : level.getName();
  }
}
