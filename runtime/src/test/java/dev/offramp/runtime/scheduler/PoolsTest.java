package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PoolsTest {
  /** The counts are what steps are sized by; the ring of a stage goes round. */
  @Test
  void whoWaitsForWhatIsCounted() {
    Pools pools = new Pools(3, 2);
    for (int round = 0; round < 5; round++) {
      int[] slots = new int[3];
      for (int i = 0; i < 3; i++) {
        slots[i] = pools.enter(new Guest(i, 10 + i, 0, null));
        pools.await(slots[i], 0, 100 - i);
      }
      assertThat(pools.free()).isZero();
      assertThat(List.of(pools.waiting(0), pools.waitingTokens(0))).containsExactly(3, 33);
      assertThat(pools.overdue(97)).isEqualTo(-1);
      assertThat(pools.nextDue()).isEqualTo(98);
      assertThat(pools.take(0)).isEqualTo(slots[0]);
      assertThat(List.of(pools.waiting(0), pools.waitingTokens(0))).containsExactly(2, 23);
      pools.await(slots[0], 1, 98);
      assertThat(List.of(pools.waiting(1), pools.waitingTokens(1))).containsExactly(1, 10);
      assertThat(pools.overdue(98)).as("the first comer's stage").isEqualTo(1);
      assertThat(List.of(pools.take(0), pools.take(0))).containsExactly(slots[1], slots[2]);
      assertThat(pools.take(1)).isEqualTo(slots[0]);
      assertThat(pools.waitingTokens(0) + pools.waitingTokens(1)).isZero();
      for (int slot : slots) {
        pools.leave(slot);
      }
      assertThat(pools.isEmpty()).isTrue();
    }
  }
}
