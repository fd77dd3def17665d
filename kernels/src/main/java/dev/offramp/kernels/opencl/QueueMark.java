package dev.offramp.kernels.opencl;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.offramp.kernels.gpu.Driver;

/** An event of a marker command. */
final class QueueMark implements Driver.Mark, Session.Resource {
  private static final int EXECUTION_STATUS = 0x11D3;

  private final Session session;
  private final long event;

  /** Queues the marker and sends everything before it to the device. */
  QueueMark(Session session) {
    this.session = session;
    session.check(OpenCl.marker(session.queue(), session.value), "clEnqueueMarkerWithWaitList");
    event = session.value.get(JAVA_LONG, 0);
    session.own(this);
    session.check(OpenCl.flush(session.queue()), "clFlush");
  }

  @Override
  public void await() {
    session.ready();
    session.value.set(JAVA_LONG, 0, event);
    int code = OpenCl.waitForEvent(session.value);
    requireDone();
    if (code != Codes.SUCCESS) {
      throw session.loss(code, "clWaitForEvents");
    }
  }

  /** Looks at the state of the event; a negative one is the code of work that failed. */
  private void requireDone() {
    session.value.set(JAVA_LONG, 0, 0);
    session.check(OpenCl.getEventInfo(event, EXECUTION_STATUS, session.value), "clGetEventInfo");
    int outcome = session.value.get(JAVA_INT, 0);
    if (outcome < 0) {
      throw session.loss(outcome, "queued work");
    }
  }

  @Override
  public void close() {
    if (session.disown(this)) {
      session.released(OpenCl.releaseEvent(event), "clReleaseEvent");
    }
  }
}
