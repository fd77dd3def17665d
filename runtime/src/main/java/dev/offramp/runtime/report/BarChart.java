package dev.offramp.runtime.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.DoubleStream;

/**
 * Bars from 0, one group for each category.
 *
 * @param categories names on the x axis, at least one
 * @param series at least one, each with a value for every category
 * @param level a horizontal line to compare with
 */
public record BarChart(
    String xLabel,
    String yLabel,
    List<String> categories,
    List<Series> series,
    Optional<Level> level)
    implements Chart {
  private static final double GAP = 0.25;

  /** Long names are slanted and cut, so that the first one stays inside the figure. */
  private static final double DEGREES = 55;

  private static final int LONGEST_NAME = 16;

  /**
   * The bars of one colour.
   *
   * @param values shape [categories]
   * @throws IllegalArgumentException if a value is NaN or infinite
   */
  public record Series(String name, double[] values) {
    public Series {
      Plot.requireFinite(name, values);
    }
  }

  public BarChart {
    categories = List.copyOf(categories);
    series = List.copyOf(series);
    if (categories.isEmpty() || series.isEmpty()) {
      throw new IllegalArgumentException("a bar chart needs a category and a series");
    }
    for (Series bars : series) {
      if (bars.values().length != categories.size()) {
        throw new IllegalArgumentException(
            "'%s' has %d values for %d categories"
                .formatted(bars.name(), bars.values().length, categories.size()));
      }
    }
  }

  public BarChart(String xLabel, String yLabel, List<String> categories, List<Series> series) {
    this(xLabel, yLabel, categories, series, Optional.empty());
  }

  public BarChart withLevel(String label, double y) {
    return new BarChart(xLabel, yLabel, categories, series, Optional.of(new Level(label, y)));
  }

  @Override
  public String svg() {
    var range =
        DoubleStream.concat(
                DoubleStream.concat(DoubleStream.of(0), level.stream().mapToDouble(Level::y)),
                series.stream().flatMapToDouble(bars -> DoubleStream.of(bars.values())))
            .summaryStatistics();
    List<String> shown = categories.stream().map(BarChart::shorten).toList();
    int longest = shown.stream().mapToInt(String::length).max().orElseThrow();
    boolean slanted = Plot.textWidth(longest) * categories.size() > Plot.WIDTH * 0.8;
    double slope = Math.sin(Math.toRadians(DEGREES));
    double footer = slanted ? 14 + Plot.textWidth(longest) * slope : 22;
    Ticks ticks = Ticks.cover(range.getMin(), range.getMax(), 5);
    Plot plot = new Plot(xLabel, yLabel, ticks, legend(), footer);

    double group = (Plot.RIGHT - plot.left) / categories.size();
    double width = group * (1 - GAP) / series.size();
    for (int c = 0; c < categories.size(); c++) {
      double start = plot.left + group * (c + GAP / 2);
      for (int s = 0; s < series.size(); s++) {
        double value = series.get(s).values()[c];
        double y = plot.y(Math.max(value, 0));
        double height = plot.y(Math.min(value, 0)) - y;
        plot.rectangle(start + s * width, y, width - 1, height, Plot.colour(s));
      }
      name(plot, plot.left + group * (c + 0.5), shown.get(c), slanted);
    }
    level.ifPresent(plot::level);
    return plot.svg();
  }

  private List<Plot.Key> legend() {
    List<Plot.Key> keys = new ArrayList<>();
    for (int s = 0; s < series.size(); s++) {
      keys.add(new Plot.BarKey(series.get(s).name(), Plot.colour(s)));
    }
    level.map(Plot.LineKey::of).ifPresent(keys::add);
    return keys;
  }

  private static String shorten(String name) {
    return name.length() <= LONGEST_NAME ? name : name.substring(0, LONGEST_NAME - 1) + "…";
  }

  private static void name(Plot plot, double x, String category, boolean slanted) {
    if (slanted) {
      String place =
          "transform=\"translate(%s %s) rotate(-%s)\" text-anchor=\"end\""
              .formatted(Plot.px(x + 5), Plot.px(plot.bottom + 13), DEGREES);
      plot.element("text", place, category);
    } else {
      plot.text(x, plot.bottom + 17, "middle", category);
    }
  }
}
