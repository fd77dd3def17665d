package dev.offramp.runtime.bench;

import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * Rows handed to a service one at a time, the next when the last is answered: handing over and
 * waking up count.
 *
 * @param service closed with the mode
 */
record ServedMode(Service service) implements Mode {
  @Override
  public String name() {
    return service.name();
  }

  @Override
  public void run(List<int[]> batch) {
    for (int[] row : batch) {
      Semaphore answers = new Semaphore(0);
      service.submit(row, answers::release);
      OpenLoop.await(service, answers, 1);
    }
  }

  @Override
  public void close() {
    service.close();
  }
}
