package dev.offramp.runtime.serve;

/**
 * How a service watches the risk of its exits.
 *
 * @param rate share of the samples that are audited, in [0, 1]; 0 for none
 * @param alarmDelta probability that a model whose risk is at most epsilon ever raises an alarm, in
 *     (0, 1)
 * @param onAlarm what an alarm leads to
 */
public record AuditOptions(double rate, double alarmDelta, OnAlarm onAlarm) {
  /** What an alarm leads to. */
  public enum OnAlarm {
    /** It is reported, and samples go on to exit early. */
    REPORT,
    /** It is reported, and the model runs to full depth until another certificate is loaded. */
    FULL_DEPTH;

    /** The name used on the command line. */
    public String id() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }
  }

  public AuditOptions {
    if (!(rate >= 0 && rate <= 1)) {
      throw new IllegalArgumentException("rate is " + rate + ", must be in [0, 1]");
    }
    if (!(alarmDelta > 0 && alarmDelta < 1)) {
      throw new IllegalArgumentException("alarmDelta is " + alarmDelta + ", must be in (0, 1)");
    }
  }
}
