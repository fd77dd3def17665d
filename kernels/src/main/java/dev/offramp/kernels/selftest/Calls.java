package dev.offramp.kernels.selftest;

import dev.offramp.kernels.Recording;
import java.util.List;

/** A recording of what is to be called, in its order. */
record Calls(List<Runnable> calls) implements Recording {
  @Override
  public void replay() {
    calls.forEach(Runnable::run);
  }

  @Override
  public void close() {}
}
