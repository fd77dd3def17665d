package dev.offramp.runtime.serve;

import java.util.function.IntConsumer;

/**
 * What becomes of a thread's exception that nobody handles: a line in the log like any other. Where
 * memory ran out the process ends with code 1, to be started anew: a server that has lost one of
 * its threads may hang for ever, and not every place where it runs asks after its health.
 *
 * @param halt ends the process at once, with an exit code
 */
public record Uncaught(IntConsumer halt) implements Thread.UncaughtExceptionHandler {
  private static final System.Logger LOG = System.getLogger(Uncaught.class.getName());

  @Override
  public void uncaughtException(Thread thread, Throwable problem) {
    boolean memory = problem instanceof OutOfMemoryError;
    try {
      LOG.log(
          System.Logger.Level.ERROR,
          "thread " + thread.getName() + " ended" + (memory ? ", out of memory; so does all" : ""),
          problem);
    } finally {
      if (memory) {
        halt.accept(1); // To drain would take memory, too.
      }
    }
  }
}
