package dev.offramp.runtime.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.models.InputException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ReportTest {
  private static final double[] LAMBDA =
      IntStream.range(0, 101).mapToDouble(k -> k / 100.0).toArray();

  private static LineChart riskChart() {
    double[] risk = new double[101];
    double[] test = new double[101];
    for (int k = 0; k < 101; k++) {
      risk[k] = 0.2 * Math.pow(1 - LAMBDA[k], 2);
      test[k] = risk[k] * 1.15 + 0.002 * Math.sin(k / 3.0);
    }
    return new LineChart(
            "threshold λ",
            "risk",
            List.of(
                new LineChart.Series("calibration", LAMBDA, risk),
                new LineChart.Series("test", LAMBDA, test)))
        .withLevel("ε = 0.05", 0.05)
        .withMark("certified: λ 0.55", 0.55, 0.2 * 0.45 * 0.45);
  }

  private static BarChart histogram() {
    return new BarChart(
        "exit after layer",
        "share of samples",
        List.of("1", "2", "3", "4", "5", "6"),
        List.of(new BarChart.Series("share", new double[] {0.31, 0.28, 0.2, 0.1, 0.06, 0.05})));
  }

  private static BarChart byLibrary() {
    return new BarChart(
            "library <&>",
            "accuracy",
            List.of(
                "commons-math3",
                "lucene-core",
                "bouncycastle",
                "netty-handler",
                "a-library-with-a-long-name"),
            List.of(
                new BarChart.Series("early exit", new double[] {0.91, 0.88, 0.97, 0.85, 0.9}),
                new BarChart.Series("full depth", new double[] {0.92, 0.9, 0.97, 0.88, 0.89})))
        .withLevel("mean", 0.9);
  }

  private static HtmlReport report() {
    return new HtmlReport("Demo <report> & \"quotes\"")
        .section("Result")
        .paragraph("Early exit keeps 'the' answer <script>alert(1)</script> & is \u0000 fast.")
        .table(
            List.of("mode", "accuracy", "speed-up"),
            List.of(List.of("full depth", "91.2 %", "1.00x"), List.of("<b>", "90.8 %", "2.13x")))
        .section("Figures")
        .figure(riskChart(), "Risk against threshold.")
        .figure(histogram(), "Where samples exit.")
        .figure(byLibrary(), "Accuracy.");
  }

  @Test
  void pageIsWellFormedAndSelfContained() throws Exception {
    String html = report().html();
    Document page = parse(html);
    assertThat(page.getElementsByTagName("svg").getLength()).isEqualTo(3);
    assertThat(page.getElementsByTagName("script").getLength()).isZero();
    assertThat(text(page, "title")).containsExactly("Demo <report> & \"quotes\"");
    assertThat(text(page, "p").getFirst())
        .contains("'the' answer <script>alert(1)</script> & is \uFFFD fast");
    assertThat(text(page, "td")).contains("<b>", "2.13x");
    assertThat(html.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http", "src=");
  }

  @Test
  void numbersAreSetRight() throws Exception {
    NodeList cells = parse(report().html()).getElementsByTagName("td");
    assertThat(((Element) cells.item(0)).getAttribute("class")).isEmpty();
    assertThat(((Element) cells.item(1)).getAttribute("class")).isEqualTo("number");
    assertThat(((Element) cells.item(2)).getAttribute("class")).isEqualTo("number");
  }

  @Test
  void lineChartPutsPointsInPlace() throws Exception {
    LineChart chart =
        new LineChart(
            "x",
            "y",
            List.of(
                new LineChart.Series(
                    "gap", new double[] {0, 1, 2, 3, 4}, new double[] {0, 1, Double.NaN, 4, 0})));
    Document svg = parse(chart.svg());
    String path = ((Element) svg.getElementsByTagName("path").item(0)).getAttribute("d");
    // Two strokes, before and after the gap; the highest value at the top, both ends at the bottom.
    String[] points = path.substring(1).split("[ML]");
    assertThat(path.chars().filter(c -> c == 'M').count()).isEqualTo(2);
    assertThat(points).hasSize(4);
    double[] y = IntStream.range(0, 4).mapToDouble(i -> number(points[i], 1)).toArray();
    assertThat(y[0]).isEqualTo(y[3]).isGreaterThan(y[1]);
    assertThat((y[0] - y[2]) / (y[0] - y[1])).isBetween(3.99, 4.01);
    double[] x = IntStream.range(0, 4).mapToDouble(i -> number(points[i], 0)).toArray();
    assertThat((x[3] - x[0]) / (x[1] - x[0])).isBetween(3.99, 4.01);
    assertThat(x[3]).isEqualTo(Plot.RIGHT);
    assertThat(text(svg, "text")).contains("0", "1", "2", "3", "4", "x", "y");
    assertThat(text(svg, "text")).doesNotContain("gap");
  }

  @Test
  void marksLevelsAndLegendAreShown() throws Exception {
    Document svg = parse(riskChart().svg());
    assertThat(text(svg, "text"))
        .contains("certified: λ 0.55", "ε = 0.05", "calibration", "test", "0.25", "risk");
    // One on the curve, one in the legend.
    assertThat(svg.getElementsByTagName("circle").getLength()).isEqualTo(2);
  }

  @Test
  void barsHaveTheHeightOfTheirValues() throws Exception {
    BarChart chart =
        new BarChart(
            "x", "y", List.of("a", "b"), List.of(new BarChart.Series("s", new double[] {4, -2})));
    Document svg = parse(chart.svg());
    NodeList bars = svg.getElementsByTagName("rect");
    double a = Double.parseDouble(((Element) bars.item(0)).getAttribute("height"));
    double b = Double.parseDouble(((Element) bars.item(1)).getAttribute("height"));
    assertThat(a / b).isBetween(1.99, 2.01);
    assertThat(text(parse(byLibrary().svg()), "text"))
        .contains("library <&>", "commons-math3", "a-library-with-…", "full depth", "mean");
    // Ten bars and two in the legend.
    assertThat(parse(byLibrary().svg()).getElementsByTagName("rect").getLength()).isEqualTo(12);
  }

  @Test
  void ticksAreRoundAndCoverTheRange() {
    assertTicks(0, 1, 5, "0.0", "0.2", "0.4", "0.6", "0.8", "1.0");
    assertTicks(0, 0.237, 5, "0.00", "0.05", "0.10", "0.15", "0.20", "0.25");
    assertTicks(-3, 7, 5, "-4", "-2", "0", "2", "4", "6", "8");
    assertTicks(0, 12_000, 5, "0", "5,000", "10,000", "15,000");
    assertTicks(0, 3e-8, 3, "0.00000", "1.0e-08", "2.0e-08", "3.0e-08");
    assertTicks(5, 5, 5, "2", "3", "4", "5", "6", "7", "8");
    assertThat(Ticks.cover(0, 0, 5).count()).isBetween(3, 7);
    assertThat(Ticks.cover(0.1, 0.3, 4).min()).isLessThanOrEqualTo(0.1 + 1e-12);
    assertThat(Ticks.cover(1e9, 1e9 + 1, 5).count()).isLessThan(10);
  }

  private static void assertTicks(double min, double max, int count, String... labels) {
    Ticks ticks = Ticks.cover(min, max, count);
    assertThat(IntStream.range(0, ticks.count()).mapToObj(ticks::label)).containsExactly(labels);
  }

  @Test
  void badInput() {
    double[] one = {1};
    assertBad(() -> new LineChart("x", "y", List.of()), "needs a series");
    assertBad(() -> new LineChart.Series("s", one, new double[2]), "1 x and 2 y");
    assertBad(() -> new LineChart.Series("s", new double[0], new double[0]), "0 x");
    assertBad(() -> new LineChart.Series("s", new double[] {Double.NaN}, one), "NaN");
    assertBad(
        () -> new LineChart.Series("s", one, new double[] {Double.POSITIVE_INFINITY}), "Infinity");
    assertBad(() -> new LineChart.Mark("m", Double.NaN, 0), "NaN");
    assertBad(() -> new BarChart("x", "y", List.of(), List.of()), "needs a category");
    assertBad(
        () -> new BarChart("x", "y", List.of("a", "b"), List.of(new BarChart.Series("s", one))),
        "1 values for 2");
    assertBad(() -> new BarChart.Series("s", new double[] {Double.NaN}), "NaN");
    assertBad(() -> new HtmlReport("t").table(List.of("a", "b"), List.of(List.of("c"))), "1 cells");
  }

  @Test
  void isWrittenWholeOrNotAtAll(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("report.html");
    report().write(file);
    assertThat(file).hasContent(report().html());
    Path taken = Files.createDirectories(directory.resolve("taken/inside")).getParent();
    assertThatThrownBy(() -> report().write(taken))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(taken + ": is a folder");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactlyInAnyOrder(file, taken);
    }
  }

  private static double number(String point, int part) {
    return Double.parseDouble(point.split(" ")[part]);
  }

  private static Document parse(String xml) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(xml)));
  }

  private static List<String> text(Document document, String tag) {
    NodeList nodes = document.getElementsByTagName(tag);
    return IntStream.range(0, nodes.getLength())
        .mapToObj(i -> nodes.item(i).getTextContent())
        .toList();
  }

  private static void assertBad(Runnable code, String message) {
    assertThatThrownBy(code::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
