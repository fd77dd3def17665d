package dev.offramp.runtime.scheduler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.runtime.engine.Outcome;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RowQueueTest {
  private static final Row ROW = dueAt(Row.NO_DEADLINE);

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

  /** A row that waits for room, and what has become of it. */
  private static FutureTask<Boolean> waiting(RowQueue queue, Row row) throws Exception {
    FutureTask<Boolean> put = new FutureTask<>(() -> queue.put(row));
    Thread thread = Thread.ofPlatform().daemon().start(put);
    while (thread.getState() != Thread.State.WAITING) {
      assertThat(put.isDone()).as("it found room").isFalse();
      Thread.sleep(1);
    }
    return put;
  }

  @Test
  void whoWaitsForRoomGetsThatOfARowThatIsTaken() throws Exception {
    RowQueue queue = new RowQueue(1, 1);
    assertThat(queue.put(ROW)).isTrue();
    FutureTask<Boolean> next = waiting(queue, ROW);
    assertThat(queue.poll()).isSameAs(ROW);
    assertThat(next.get(60, TimeUnit.SECONDS)).isTrue();
    assertThat(queue.accepted()).isEqualTo(2);
  }

  @Test
  void whoWaitsForRoomGetsThatOfRowsThatNobodyWants() throws Exception {
    Row late = dueAt(System.nanoTime());
    RowQueue queue = new RowQueue(2, 1);
    assertThat(queue.offerAll(List.of(late, late))).isTrue();
    List<FutureTask<Boolean>> next = List.of(waiting(queue, ROW), waiting(queue, ROW));
    List<Row> unwanted = new ArrayList<>();
    queue.sweep(System.nanoTime() + TimeUnit.SECONDS.toNanos(1), unwanted::add);
    assertThat(unwanted).containsExactly(late, late);
    for (FutureTask<Boolean> put : next) {
      assertThat(put.get(60, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(queue.poll()).isSameAs(ROW);
  }

  @Test
  void whoWaitsForRoomIsToldThatTheQueueCloses() throws Exception {
    RowQueue queue = new RowQueue(1, 1);
    assertThat(queue.put(ROW)).isTrue();
    List<FutureTask<Boolean>> next = List.of(waiting(queue, ROW), waiting(queue, ROW));
    queue.close();
    for (FutureTask<Boolean> put : next) {
      assertThatThrownBy(() -> put.get(60, TimeUnit.SECONDS))
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
    assertThat(queue.poll()).isSameAs(ROW);
    assertThat(queue.ended()).isTrue();
  }

  @Test
  void whoseDeadlinePassesWhileItWaitsForRoomIsNotAdded() throws Exception {
    RowQueue queue = new RowQueue(1, 1);
    assertThat(queue.put(ROW)).isTrue();
    assertThat(queue.put(dueAt(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20)))).isFalse();
    assertThat(queue.size()).isOne();
    assertThat(queue.accepted()).isOne();
  }

  private static Row dueAt(long deadline) {
    return new Row() {
      @Override
      public int[] tokens() {
        return new int[] {1};
      }

      @Override
      public long deadline() {
        return deadline;
      }

      @Override
      public void done(Outcome outcome) {}

      @Override
      public void failed(Throwable cause) {}
    };
  }
}
