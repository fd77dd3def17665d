package dev.offramp.runtime;

import dev.offramp.kernels.Device;
import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceOptions;
import dev.offramp.kernels.Devices;
import dev.offramp.kernels.Event;
import dev.offramp.kernels.Recording;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** Makes a device fail when told to: when work is queued, or when its answer is awaited. */
public final class FaultyDevice {
  private final Device device;

  /** How many of the next replays fail. */
  final AtomicInteger faults = new AtomicInteger();

  /** How many of the next waits for an answer fail. */
  final AtomicInteger lateFaults = new AtomicInteger();

  /** How often it fails to close, after it is closed. */
  private final AtomicInteger closeFaults = new AtomicInteger();

  FaultyDevice(Device device) {
    this.device = device;
  }

  /** An engine that answers like any other, and throws when it is closed for the first time. */
  public static Engine failsToClose(Path directory, EngineOptions options) {
    FaultyDevice faulty = new FaultyDevice(Devices.open("jvm", new DeviceOptions(1)));
    faulty.closeFaults.set(1);
    return Engine.open(directory, options, faulty::device);
  }

  /** The device with the faults; closing it closes the one that it was made of. */
  Device device() {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (_, method, arguments) -> call(method, arguments));
  }

  private Object call(Method method, Object[] arguments) throws Throwable {
    Object result;
    try {
      result = method.invoke(device, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    if (method.getName().equals("close") && taken(closeFaults)) {
      throw new DeviceException("injected fault: the device failed to close");
    }
    return switch (method.getName()) {
      case "record" -> faulty((Recording) result);
      case "copyOut" -> faulty((Event) result);
      default -> result;
    };
  }

  private Recording faulty(Recording recording) {
    return new Recording() {
      @Override
      public void replay() {
        if (taken(faults)) {
          throw new DeviceException("injected fault: a kernel failed");
        }
        recording.replay();
      }

      @Override
      public void close() {
        recording.close();
      }
    };
  }

  private Event faulty(Event event) {
    return () -> {
      event.await();
      if (taken(lateFaults)) {
        throw new DeviceException("injected fault: the device failed while it worked");
      }
    };
  }

  private static boolean taken(AtomicInteger count) {
    return count.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
  }
}
