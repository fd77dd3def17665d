package dev.offramp.runtime.report;

/** A figure of a report. */
public sealed interface Chart permits LineChart, BarChart {
  /**
   * The chart as an {@code <svg>} element, to be put inside HTML or into a file of its own. It
   * takes its text colour from its surroundings, so that it reads on light and on dark.
   */
  String svg();

  /** A horizontal line that data is to be compared with, such as epsilon. */
  record Level(String label, double y) {
    public Level {
      Plot.requireFinite(label, y);
    }
  }
}
