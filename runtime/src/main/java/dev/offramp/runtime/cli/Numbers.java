package dev.offramp.runtime.cli;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Numbers of an option: 0.05, or 0.05,0.1, or from:to:step, whose decimals are exact.
 *
 * @param values distinct, in the order given
 */
record Numbers(double[] values) {
  private static final int MOST = 10_000;

  /** For picocli. */
  static final class Parser implements ITypeConverter<Numbers> {
    @Override
    public Numbers convert(String text) {
      return parse(text);
    }
  }

  private static Numbers parse(String text) {
    try {
      return new Numbers(
          Arrays.stream(text.split(",", -1)).flatMapToDouble(Numbers::part).distinct().toArray());
    } catch (NumberFormatException e) {
      throw new TypeConversionException(
          "'%s' is not a number, a list a,b or a range from:to:step".formatted(text));
    }
  }

  private static DoubleStream part(String text) {
    String[] ends = text.split(":", -1);
    if (ends.length == 1) {
      return DoubleStream.of(new BigDecimal(text.strip()).doubleValue());
    }
    if (ends.length != 3) {
      throw new NumberFormatException(text);
    }
    BigDecimal from = new BigDecimal(ends[0].strip());
    BigDecimal to = new BigDecimal(ends[1].strip());
    BigDecimal step = new BigDecimal(ends[2].strip());
    if (step.signum() <= 0 || to.compareTo(from) < 0) {
      throw new TypeConversionException(
          "'%s' is empty; give from <= to and a step above 0".formatted(text));
    }
    if (to.subtract(from).compareTo(step.multiply(BigDecimal.valueOf(MOST))) >= 0) {
      throw new TypeConversionException(
          "'%s' has more than %d numbers; take a larger step".formatted(text, MOST));
    }
    return Stream.iterate(from, next -> next.compareTo(to) <= 0, next -> next.add(step))
        .mapToDouble(BigDecimal::doubleValue);
  }
}
