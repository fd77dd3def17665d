package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Event;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Pinned memory that all copies pass through, so that they overlap with other work. It has two
 * halves: while one is being filled, the copies in the other end.
 */
final class Staging implements AutoCloseable {
  private static final long HALF = 4L << 20;
  private static final long ALIGNMENT = 64;

  private final Driver driver;
  private final Pinned pinned;
  private final Mark[] ends = new Mark[2]; // of each half: behind its last copy
  private final Deque<Download> downloads = new ArrayDeque<>(); // in the order of the queue
  private int half;
  private long used; // of this half

  Staging(Driver driver) {
    this.driver = driver;
    pinned = driver.pinned(2 * HALF);
  }

  /** Queues a copy to the device; the source has been read when this returns. */
  void upload(MemorySegment source, Memory target, long offset) {
    for (long at = 0; at < source.byteSize(); at += HALF) {
      MemorySegment part = source.asSlice(at, Math.min(HALF, source.byteSize() - at));
      MemorySegment place = reserve(part.byteSize());
      place.copyFrom(part);
      driver.write(place, target, offset + at);
    }
  }

  /** Queues a copy from the device; the target is filled when the event is awaited. */
  Event download(Memory source, long offset, MemorySegment target) {
    Download last = null;
    for (long at = 0; at < target.byteSize(); at += HALF) {
      MemorySegment part = target.asSlice(at, Math.min(HALF, target.byteSize() - at));
      MemorySegment place = reserve(part.byteSize());
      driver.read(source, offset + at, place);
      last = new Download(place, part, driver.mark());
      downloads.add(last);
    }
    return last == null ? () -> driver.mark().finish() : last;
  }

  private MemorySegment reserve(long bytes) {
    if (used + bytes > HALF) {
      ends[half] = driver.mark();
      half = 1 - half;
      used = 0;
      if (ends[half] != null) {
        // Downloads of the other half all lie before its end, this half's come later.
        finishUntilInHalf();
        ends[half].finish();
        ends[half] = null;
      }
    }
    MemorySegment place = pinned.segment().asSlice(half * HALF + used, bytes);
    used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return place;
  }

  private void finishUntilInHalf() {
    long start = pinned.segment().address() + half * HALF;
    while (!downloads.isEmpty()) {
      long at = downloads.peek().place.address();
      if (at < start || at >= start + HALF) {
        return;
      }
      downloads.poll().finish();
    }
  }

  /** A copy that waits in pinned memory to be taken to where it belongs. */
  private final class Download implements Event {
    private final MemorySegment place;
    private final MemorySegment target;
    private final Mark mark;

    private Download(MemorySegment place, MemorySegment target, Mark mark) {
      this.place = place;
      this.target = target;
      this.mark = mark;
    }

    private void finish() {
      mark.finish();
      target.copyFrom(place);
    }

    /** Those queued earlier are complete too. */
    @Override
    public void await() {
      while (downloads.contains(this)) {
        downloads.poll().finish();
      }
    }
  }

  /** Drops copies that nobody awaited. */
  @Override
  public void close() {
    downloads.forEach(download -> download.mark.close());
    downloads.clear();
    for (Mark end : ends) {
      if (end != null) {
        end.close();
      }
    }
    pinned.close();
  }
}
