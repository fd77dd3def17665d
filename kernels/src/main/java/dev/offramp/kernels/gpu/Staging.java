package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Event;
import dev.offramp.kernels.gpu.Driver.Mark;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Driver.Pinned;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Pinned memory that all copies pass through, so that they overlap with other work. It has two
 * halves: while one is being filled, the copies in the other end.
 */
final class Staging implements AutoCloseable {
  private static final long HALF = 4L << 20;
  private static final long ALIGNMENT = 64;

  private final Heap heap;
  private final Driver driver;
  private final Pinned pinned;
  private final Mark[] ends = new Mark[2]; // of each half: behind its last copy
  private final Deque<Download> downloads = new ArrayDeque<>(); // in the order of the queue
  private int half;
  private long used; // of this half

  Staging(Heap heap) {
    this.heap = heap;
    driver = heap.driver;
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
    List<Download> parts = new ArrayList<>();
    for (long at = 0; at < target.byteSize(); at += HALF) {
      MemorySegment part = target.asSlice(at, Math.min(HALF, target.byteSize() - at));
      MemorySegment place = reserve(part.byteSize());
      driver.read(source, offset + at, place);
      Download download = new Download(place, part, driver.mark());
      downloads.add(download);
      parts.add(download);
    }
    return () -> await(parts);
  }

  /** Waits for the parts of a copy, and for whatever was queued before them. */
  private void await(List<Download> parts) {
    if (parts.isEmpty()) {
      heap.requireOpen("await");
      driver.mark().finish();
      return;
    }
    Download last = parts.getLast();
    while (!last.finished) {
      heap.requireOpen("await");
      downloads.remove().finish();
    }
    for (Download part : parts) {
      if (part.failure != null) {
        throw part.failure;
      }
    }
  }

  private MemorySegment reserve(long bytes) {
    if (used + bytes > HALF) {
      int other = 1 - half;
      // Downloads of the other half all lie before its end, this half's come later.
      long start = pinned.segment().address() + other * HALF;
      while (!downloads.isEmpty() && downloads.peek().in(start)) {
        downloads.remove().finish();
      }
      if (ends[other] != null) {
        Mark behind = ends[other];
        ends[other] = null;
        behind.finish();
      }
      ends[half] = driver.mark();
      half = other;
      used = 0;
    }
    MemorySegment place = pinned.segment().asSlice(half * HALF + used, bytes);
    used += Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    return place;
  }

  /** A copy that waits in pinned memory to be taken to where it belongs. */
  private static final class Download {
    private final MemorySegment place;
    private final MemorySegment target;
    private final Mark mark;
    private boolean finished;

    /** Kept for whoever awaits this very copy: others go on. */
    private RuntimeException failure;

    private Download(MemorySegment place, MemorySegment target, Mark mark) {
      this.place = place;
      this.target = target;
      this.mark = mark;
    }

    /** Whether its place is in the half that starts there. */
    private boolean in(long start) {
      return place.address() >= start && place.address() < start + HALF;
    }

    private void finish() {
      finished = true;
      try {
        mark.finish();
        target.copyFrom(place);
      } catch (RuntimeException e) {
        failure = e;
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
