package dev.offramp.runtime.cli;

import dev.offramp.models.InputException;
import dev.offramp.runtime.serve.AuditOptions;
import dev.offramp.runtime.serve.AuditOptions.OnAlarm;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** Options of the watch that a service keeps on its own exits. */
final class AuditOption {
  @Option(
      names = "--audit-rate",
      paramLabel = "R",
      defaultValue = "0.02",
      description = {
        "share of the samples that also run to full depth, in idle time, to watch the risk; 0 for"
            + " none (default: ${DEFAULT-VALUE})"
      })
  double rate;

  @Option(
      names = "--alarm-delta",
      paramLabel = "D",
      defaultValue = "0.01",
      description =
          "probability of ever raising an alarm although the risk is at most epsilon (default:"
              + " ${DEFAULT-VALUE})")
  double alarmDelta;

  @Option(
      names = "--on-alarm",
      paramLabel = "A",
      defaultValue = "report",
      description = {
        "report: say so in log, metrics, metadata and on the page;",
        "full-depth: and exit early no more, until another certificate is loaded (default:"
            + " ${DEFAULT-VALUE})"
      })
  String onAlarm;

  AuditOptions options() {
    Range.check("--audit-rate", rate, 0, 1);
    Range.checkUncertain("--alarm-delta", alarmDelta);
    OnAlarm action =
        Arrays.stream(OnAlarm.values())
            .filter(known -> known.id().equals(onAlarm))
            .findFirst()
            .orElseThrow(() ->
                InputException.in(
                    null,
                    "--on-alarm " + onAlarm,
                    "must be "
                        + Arrays.stream(OnAlarm.values())
                            .map(OnAlarm::id)
                            .collect(Collectors.joining(" or "))));
    if (rate == 0 && action == OnAlarm.FULL_DEPTH) {
      throw InputException.in(
          null,
          "--on-alarm full-depth",
          "--audit-rate 0 audits nothing, so no alarm can come; leave one of them out");
    }
    return new AuditOptions(rate, alarmDelta, action);
  }
}
