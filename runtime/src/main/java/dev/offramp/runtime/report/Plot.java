package dev.offramp.runtime.report;

import java.util.List;
import java.util.Locale;

/**
 * The part of a chart that all kinds share: the area with its value axis, labels and legend, drawn
 * into one SVG. Sizes are chosen for a phone: at 360 pixels of width the text is still 11 high.
 * Whatever has a name is named in the legend, where it cannot collide with the data.
 */
final class Plot {
  static final double WIDTH = 400;
  static final double RIGHT = WIDTH - 14;
  private static final double HEIGHT = 280;
  private static final double LINE = 18;

  /** Mid tones, at least 3:1 against white as well as against near-black. */
  private static final List<String> COLOURS =
      List.of("#2f81d6", "#d2691e", "#2e9c66", "#b05cc2", "#8a7a2c", "#7d8590");

  /** So that colour is not the only difference. */
  private static final List<String> DASHES = List.of("none", "7 3", "2 3", "10 3 2 3");

  private static final String LEVEL_STROKE = "stroke=\"#d64545\" stroke-dasharray=\"4 3\"";
  private static final String RING =
      "r=\"5.5\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\"";

  /** A name in the legend with the shape it stands for. */
  sealed interface Key {
    String name();
  }

  record LineKey(String name, String style) implements Key {
    static LineKey of(Chart.Level level) {
      return new LineKey(level.label(), LEVEL_STROKE);
    }
  }

  record BarKey(String name, String colour) implements Key {}

  record RingKey(String name) implements Key {}

  private final StringBuilder svg = new StringBuilder();
  private final Ticks ticks;
  private final double top;

  /** Pixel position of the value axis. */
  final double left;

  /** Pixel position of the lower end of the area. */
  final double bottom;

  /**
   * @param footer height in pixels of what the chart writes between its area and the x label
   */
  Plot(String xLabel, String yLabel, Ticks ticks, List<Key> legend, double footer) {
    this.ticks = ticks;
    left = 30 + textWidth(ticks.labelLength());
    bottom = HEIGHT - 22 - footer;
    svg.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
            .formatted(WIDTH, HEIGHT));
    svg.append("aria-label=\"%s\" ".formatted(Markup.escape(yLabel + " against " + xLabel)));
    svg.append("fill=\"currentColor\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n");
    top = legend(legend);
    for (int tick = 0; tick < ticks.count(); tick++) {
      double y = y(ticks.value(tick));
      line(left, y, RIGHT, y, "stroke=\"currentColor\" stroke-opacity=\"0.18\"");
      text(left - 6, y + 4.5, "end", ticks.label(tick));
    }
    text((left + RIGHT) / 2, HEIGHT - 6, "middle", xLabel);
    double middle = (top + bottom) / 2;
    element(
        "text",
        "transform=\"translate(14 %s) rotate(-90)\" text-anchor=\"middle\"".formatted(px(middle)),
        yLabel);
  }

  /** Throws if a value has no place in a chart. */
  static void requireFinite(String name, double... values) {
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException("'%s' holds %s".formatted(name, value));
      }
    }
  }

  /** About the pixels that a text of so many characters takes. */
  static double textWidth(int characters) {
    return 7.2 * characters;
  }

  static String colour(int series) {
    return COLOURS.get(series % COLOURS.size());
  }

  /** Colour and dashes of a series' line. */
  static String stroke(int series) {
    return "stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" fill=\"none\""
        .formatted(colour(series), DASHES.get(series % DASHES.size()));
  }

  /** Pixel position of a value. */
  double y(double value) {
    return bottom - (value - ticks.min()) / (ticks.max() - ticks.min()) * (bottom - top);
  }

  void line(double x1, double y1, double x2, double y2, String style) {
    element(
        "line",
        "x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" %s"
            .formatted(px(x1), px(y1), px(x2), px(y2), style),
        "");
  }

  void text(double x, double y, String anchor, String text) {
    element("text", "x=\"%s\" y=\"%s\" text-anchor=\"%s\"".formatted(px(x), px(y), anchor), text);
  }

  void element(String name, String attributes, String content) {
    svg.append("<%s %s>%s</%s>\n".formatted(name, attributes, Markup.escape(content), name));
  }

  void rectangle(double x, double y, double width, double height, String colour) {
    element(
        "rect",
        "x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\""
            .formatted(px(x), px(y), px(width), px(height), colour),
        "");
  }

  void ring(double x, double y) {
    element("circle", "cx=\"%s\" cy=\"%s\" %s".formatted(px(x), px(y), RING), "");
  }

  /** A dashed line across the area. */
  void level(Chart.Level level) {
    line(left, y(level.y()), RIGHT, y(level.y()), LEVEL_STROKE);
  }

  /** Finishes the drawing: the axes over everything. */
  String svg() {
    line(left, top, left, bottom, "stroke=\"currentColor\"");
    line(left, bottom, RIGHT, bottom, "stroke=\"currentColor\"");
    return svg + "</svg>";
  }

  /** Pixels with one decimal. */
  static String px(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  /** Draws the names above the area, in as many lines as they need; a single one says nothing. */
  private double legend(List<Key> keys) {
    if (keys.size() < 2) {
      return 12;
    }
    double x = left;
    double y = 14;
    for (Key key : keys) {
      double width = 40 + textWidth(key.name().length());
      if (x > left && x + width > WIDTH) {
        x = left;
        y += LINE;
      }
      switch (key) {
        case LineKey line -> line(x, y - 4.5, x + 22, y - 4.5, line.style());
        case BarKey bar -> rectangle(x + 5, y - 11, 12, 12, bar.colour());
        case RingKey _ -> ring(x + 11, y - 4.5);
      }
      text(x + 27, y, "start", key.name());
      x += width;
    }
    return y + 12;
  }
}
