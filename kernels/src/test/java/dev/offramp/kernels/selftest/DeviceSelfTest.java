package dev.offramp.kernels.selftest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.offramp.kernels.Device;
import java.util.List;
import java.util.function.Predicate;

/** The self-test on a device of this machine. */
abstract class DeviceSelfTest {
  static final long SEED = Long.getLong("offramp.seed", System.nanoTime());

  /** That all cases pass. */
  static void passes(Device device) {
    passes(device, one -> true);
  }

  /** That the cases pass which a device is not known to take too long for. */
  static void passes(Device device, Predicate<Case> which) {
    System.out.println(device.info().id() + ": offramp.seed=" + SEED);
    try (device) {
      List<Case> cases = SelfTest.CASES.stream().filter(which).toList();
      assertThat(cases)
          .hasSizeGreaterThan(60)
          .allSatisfy(one ->
              assertThat(one.run(device, SEED).message())
                  .as("%s, %s", one.operation(), one.shape())
                  .isEmpty());
      assertThat(device.liveBytes()).isZero();
    }
  }

  /** Independence takes whole batches. */
  static boolean small(Case one) {
    return !one.operation().equals("independence");
  }
}
