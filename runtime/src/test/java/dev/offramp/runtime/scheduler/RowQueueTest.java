package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayList;
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

  /** Nobody may wait for an answer that nobody will give. */
  @Test
  void aFailureIsToldToWhoWaitsAndToWhoComes() {
    RowQueue queue = new RowQueue(2, 1);
    List<Throwable> told = new ArrayList<>();
    Auditee audit = new Auditee();
    Row waiting =
        new Row() {
          @Override
          public int[] tokens() {
            return new int[1];
          }

          @Override
          public void done(Outcome outcome) {}

          @Override
          public void failed(Throwable cause) {
            told.add(cause);
          }
        };
    assertThat(queue.offer(waiting)).isTrue();
    assertThat(queue.offerBackground(audit)).isTrue();
    Throwable cause = new IllegalStateException("broken");
    queue.fail(cause);
    assertThat(told).containsExactly(cause);
    assertThat(audit.drops).isOne();
    assertThat(queue.poll()).isNull();
    assertThat(queue.isOpen()).isFalse();
    assertThatThrownBy(() -> queue.offer(ROW)).hasMessageContaining("failed").hasCause(cause);
    assertThatThrownBy(() -> queue.put(ROW)).hasMessageContaining("failed").hasCause(cause);
  }
}
