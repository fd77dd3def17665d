package dev.offramp.runtime.report;

import dev.offramp.runtime.io.TextFile;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A report in one HTML file that needs nothing else: no script, font or image from elsewhere. All
 * text is escaped. Readable on a phone, in light and dark.
 */
public final class HtmlReport {
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --text: #1c2024; --page: #ffffff; --rule: #d5d9de; }
      @media (prefers-color-scheme: dark) {
        :root { --text: #e4e7ea; --page: #15181c; --rule: #3a4048; }
      }
      body { max-width: 46rem; margin: 0 auto; padding: 1rem; color: var(--text);
        background: var(--page); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
      h1 { line-height: 1.2; }
      h2 { margin-top: 2rem; border-bottom: 1px solid var(--rule); }
      figure { margin: 1.5rem 0; }
      figure svg { display: block; width: 100%; max-width: 32rem; }
      figcaption { font-size: 0.9rem; opacity: 0.85; }
      .table { overflow-x: auto; }
      table { border-collapse: collapse; overflow-wrap: normal; }
      th, td { padding: 0.3rem 0.8rem 0.3rem 0; text-align: left; vertical-align: top;
        border-bottom: 1px solid var(--rule); }
      .number { text-align: right; font-variant-numeric: tabular-nums; }
      """;

  private final String title;
  private final StringBuilder body = new StringBuilder();

  public HtmlReport(String title) {
    this.title = Markup.escape(title);
  }

  /** Begins a section. */
  public HtmlReport section(String heading) {
    body.append("<h2>%s</h2>\n".formatted(Markup.escape(heading)));
    return this;
  }

  public HtmlReport paragraph(String text) {
    body.append("<p>%s</p>\n".formatted(Markup.escape(text)));
    return this;
  }

  /**
   * Adds a table; columns whose cells are all numbers are set to the right.
   *
   * @param rows each as long as the header
   * @throws IllegalArgumentException if a row is shorter or longer
   */
  public HtmlReport table(List<String> header, List<List<String>> rows) {
    for (List<String> row : rows) {
      if (row.size() != header.size()) {
        throw new IllegalArgumentException(
            "a row has %d cells under %d headings: %s".formatted(row.size(), header.size(), row));
      }
    }
    List<Boolean> numeric =
        IntStream.range(0, header.size())
            .mapToObj(c -> rows.stream().allMatch(row -> isNumber(row.get(c))))
            .toList();
    body.append("<div class=\"table\"><table>\n");
    row("th", header, numeric);
    rows.forEach(row -> row("td", row, numeric));
    body.append("</table></div>\n");
    return this;
  }

  public HtmlReport figure(Chart chart, String caption) {
    body.append("<figure>\n").append(chart.svg());
    body.append("\n<figcaption>%s</figcaption>\n</figure>\n".formatted(Markup.escape(caption)));
    return this;
  }

  /** The whole page; it is well-formed XML too. */
  public String html() {
    return """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <title>%s</title>
    <style>
    %s</style>
    </head>
    <body>
    <h1>%s</h1>
    %s</body>
    </html>
    """
        .formatted(title, STYLE, title, body);
  }

  /** Writes the page; a reader sees the old file or the new one, never half of one. */
  public void write(Path file) {
    TextFile.write(file, html());
  }

  private void row(String tag, List<String> cells, List<Boolean> numeric) {
    body.append("<tr>");
    for (int c = 0; c < cells.size(); c++) {
      String style = numeric.get(c) ? " class=\"number\"" : "";
      body.append("<%s%s>%s</%s>".formatted(tag, style, Markup.escape(cells.get(c)), tag));
    }
    body.append("</tr>\n");
  }

  /** Such as 12, -0.5, 1,234.5, 93.1 %, 2.1x or 1e-5. */
  private static boolean isNumber(String cell) {
    return cell.matches("[-+]?[0-9][0-9,]*(\\.[0-9]+)?([eE][-+]?[0-9]+)?( ?[%x×])?|-|–|");
  }
}
