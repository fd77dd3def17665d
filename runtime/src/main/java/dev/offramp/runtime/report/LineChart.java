package dev.offramp.runtime.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * Lines over a common x axis.
 *
 * @param series at least one
 * @param mark a point to point out
 * @param level a horizontal line to compare with
 */
public record LineChart(
    String xLabel, String yLabel, List<Series> series, Optional<Mark> mark, Optional<Level> level)
    implements Chart {

  /**
   * One line through points in the order given.
   *
   * @param x shape [points], at least one
   * @param y shape [points]; NaN leaves a gap
   * @throws IllegalArgumentException if the shapes disagree, are empty or hold infinite values
   */
  public record Series(String name, double[] x, double[] y) {
    public Series {
      if (x.length != y.length || x.length == 0) {
        throw new IllegalArgumentException(
            "'%s' has %d x and %d y values".formatted(name, x.length, y.length));
      }
      Plot.requireFinite(name, x);
      Plot.requireFinite(name, DoubleStream.of(y).filter(v -> !Double.isNaN(v)).toArray());
    }
  }

  /** A point that a ring is drawn around. */
  public record Mark(String label, double x, double y) {
    public Mark {
      Plot.requireFinite(label, x, y);
    }
  }

  public LineChart {
    series = List.copyOf(series);
    if (series.isEmpty()) {
      throw new IllegalArgumentException("a line chart needs a series");
    }
  }

  public LineChart(String xLabel, String yLabel, List<Series> series) {
    this(xLabel, yLabel, series, Optional.empty(), Optional.empty());
  }

  public LineChart withMark(String label, double x, double y) {
    return new LineChart(xLabel, yLabel, series, Optional.of(new Mark(label, x, y)), level);
  }

  public LineChart withLevel(String label, double y) {
    return new LineChart(xLabel, yLabel, series, mark, Optional.of(new Level(label, y)));
  }

  @Override
  public String svg() {
    Ticks xTicks = ticks(xValues(), 6);
    Ticks yTicks = ticks(DoubleStream.concat(yValues(), DoubleStream.of(0)), 5);
    Plot plot = new Plot(xLabel, yLabel, yTicks, legend(), 22);
    for (int tick = 0; tick < xTicks.count(); tick++) {
      double x = x(plot, xTicks, xTicks.value(tick));
      plot.line(x, plot.bottom, x, plot.bottom + 4, "stroke=\"currentColor\"");
      plot.text(x, plot.bottom + 17, "middle", xTicks.label(tick));
    }
    level.ifPresent(plot::level);
    for (int s = 0; s < series.size(); s++) {
      String path = path(plot, xTicks, series.get(s));
      plot.element("path", "d=\"%s\" %s".formatted(path, Plot.stroke(s)), "");
    }
    mark.ifPresent(m -> plot.ring(x(plot, xTicks, m.x()), plot.y(m.y())));
    return plot.svg();
  }

  private List<Plot.Key> legend() {
    List<Plot.Key> keys = new ArrayList<>();
    for (int s = 0; s < series.size(); s++) {
      keys.add(new Plot.LineKey(series.get(s).name(), Plot.stroke(s)));
    }
    level.map(Plot.LineKey::of).ifPresent(keys::add);
    mark.map(m -> new Plot.RingKey(m.label())).ifPresent(keys::add);
    return keys;
  }

  private DoubleStream xValues() {
    return DoubleStream.concat(
        series.stream().flatMapToDouble(s -> DoubleStream.of(s.x())),
        mark.stream().mapToDouble(Mark::x));
  }

  private DoubleStream yValues() {
    DoubleStream marked =
        DoubleStream.concat(
            mark.stream().mapToDouble(Mark::y), level.stream().mapToDouble(Level::y));
    return DoubleStream.concat(
        marked,
        series.stream()
            .flatMapToDouble(s -> DoubleStream.of(s.y()))
            .filter(value -> !Double.isNaN(value)));
  }

  private static Ticks ticks(DoubleStream values, int count) {
    var range = values.summaryStatistics();
    return Ticks.cover(range.getMin(), range.getMax(), count);
  }

  private static double x(Plot plot, Ticks ticks, double value) {
    return plot.left
        + (value - ticks.min()) / (ticks.max() - ticks.min()) * (Plot.RIGHT - plot.left);
  }

  private static String path(Plot plot, Ticks xTicks, Series series) {
    StringBuilder path = new StringBuilder();
    boolean open = false;
    for (int i = 0; i < series.x().length; i++) {
      double y = series.y()[i];
      if (!Double.isNaN(y)) {
        path.append(open ? 'L' : 'M')
            .append(Plot.px(x(plot, xTicks, series.x()[i])))
            .append(' ')
            .append(Plot.px(plot.y(y)));
      }
      open = !Double.isNaN(y);
    }
    return path.toString();
  }
}
