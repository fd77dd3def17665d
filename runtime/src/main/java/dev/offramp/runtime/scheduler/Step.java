package dev.offramp.runtime.scheduler;

/** Rows that run stages together on a lane; reused. */
final class Step {
  final int lane;
  final int[] slots;
  final int[] lengths;
  int count;
  int tokens;
  int from;
  int to;
  boolean probabilities;
  long launched;

  Step(int lane, int rows) {
    this.lane = lane;
    slots = new int[rows];
    lengths = new int[rows];
  }

  /** Starts anew, without rows. */
  void begin(int stage, long now) {
    count = 0;
    tokens = 0;
    from = stage;
    probabilities = false;
    launched = now;
  }

  void add(int slot, int length, boolean wantsProbabilities) {
    slots[count] = slot;
    lengths[count++] = length;
    tokens += length;
    probabilities |= wantsProbabilities;
  }
}
