package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.engine.Outcome;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowQueueTest {
  private static final Row ROW =
      new Row() {
        @Override
        public int[] tokens() {
          return new int[] {1};
        }

        @Override
        public void done(Outcome outcome) {}

        @Override
        public void failed(Throwable cause) {}
      };

  private static final class Auditee implements AuditRow {
    int drops;

    @Override
    public int[] tokens() {
      return new int[] {1};
    }

    @Override
    public boolean probabilities() {
      return false;
    }

    @Override
    public void done(Outcome early, Outcome full) {}

    @Override
    public void failed(Throwable cause) {}

    @Override
    public void dropped() {
      drops++;
    }
  }

  @Test
  void allOrNone() {
    RowQueue queue = new RowQueue(5, 1);
    assertThat(queue.offerAll(Collections.nCopies(6, ROW))).isFalse();
    assertThat(queue.offerAll(Collections.nCopies(3, ROW))).isTrue();
    assertThat(queue.offerAll(Collections.nCopies(3, ROW))).isFalse();
    assertThat(queue.size()).isEqualTo(3);
    assertThat(queue.offerAll(List.of())).isTrue();
    assertThat(queue.offerAll(Collections.nCopies(2, ROW))).isTrue();
    assertThat(queue.offer(ROW)).isFalse();
    assertThat(queue.accepted()).isEqualTo(5);
    queue.close();
    assertThatThrownBy(() -> queue.offerAll(List.of(ROW))).hasMessageContaining("closed");
  }

  @Test
  void auditsHaveRoomOfTheirOwnAndEndWithTheQueue() {
    RowQueue queue = new RowQueue(1, 2);
    Auditee[] audits = {new Auditee(), new Auditee(), new Auditee(), new Auditee()};
    assertThat(queue.offer(ROW)).isTrue();
    assertThat(queue.offerBackground(audits[0])).isTrue();
    assertThat(queue.offerBackground(audits[1])).isTrue();
    assertThat(queue.offerBackground(audits[2])).isFalse();
    assertThat(queue.pollBackground()).isSameAs(audits[0]);
    assertThat(queue.offerBackground(audits[2])).isTrue();
    queue.close();
    assertThat(queue.offerBackground(audits[3])).isFalse();
    assertThat(audits).extracting(audit -> audit.drops).containsExactly(0, 1, 1, 0);
    assertThat(queue.pollBackground()).isNull();
    assertThat(queue.poll()).as("rows are still handed out").isSameAs(ROW);
  }
}
