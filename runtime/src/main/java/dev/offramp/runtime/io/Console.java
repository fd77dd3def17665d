package dev.offramp.runtime.io;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.nio.file.Path;
import java.util.function.IntConsumer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Messages and progress on stderr, JSON on stdout. */
public final class Console {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();
  private static final int UPDATE_MILLIS = 200;

  private Console() {}

  /** Prints a message for people. */
  public static void say(String format, Object... arguments) {
    System.err.println(arguments.length == 0 ? format : String.format(format, arguments));
  }

  /** A path as an argument of a command that may be typed anywhere. */
  public static String argument(Path path) {
    String absolute = path.toAbsolutePath().normalize().toString();
    return absolute.contains(" ") ? '"' + absolute + '"' : absolute;
  }

  public static void json(Object document) {
    System.out.println(JSON.toJson(document));
  }

  /** Work that reports how far it is. */
  public interface Work<T> {
    T run(IntConsumer done);
  }

  /** Runs work of a known size under a progress bar. */
  public static <T> T progress(String task, int size, Work<T> work) {
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(size)
            .setUpdateIntervalMillis(UPDATE_MILLIS)
            .setStyle(ProgressBarStyle.ASCII);
    try (Line line = new Line();
        ProgressBar bar = builder.setConsumer(line).build()) {
      return work.run(bar::stepTo);
    }
  }

  /** The bar's line; a bar that ends before it was first due does not end its line itself. */
  private static final class Line extends ConsoleProgressBarConsumer {
    private static final int WIDTH = 100;
    private boolean ended;

    Line() {
      super(System.err, WIDTH);
    }

    @Override
    public void close() {
      if (!ended) {
        ended = true;
        super.close();
      }
    }
  }
}
