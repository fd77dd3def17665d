package dev.offramp.kernels;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;

/** Ground of the suites that every device must pass. Subclasses say which device it is. */
abstract class DeviceConformance {
  /** Inputs are fresh in each run; -Dofframp.seed=N repeats one. */
  private static final long SEED = Long.getLong("offramp.seed", System.nanoTime());

  Rig rig;

  protected abstract Device open();

  /** Largest error allowed, relative to max(1, |expected|), where values are of about one. */
  protected double tolerance() {
    return 2e-5;
  }

  @BeforeEach
  void openRig(TestInfo test) {
    System.out.println(test.getDisplayName() + ": offramp.seed=" + SEED);
    rig = new Rig(open(), SEED);
  }

  @AfterEach
  void closeRig() {
    rig.close();
  }
}
