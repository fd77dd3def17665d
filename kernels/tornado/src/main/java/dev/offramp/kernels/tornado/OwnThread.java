package dev.offramp.kernels.tornado;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.gpu.DenseProduct;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Grid;
import dev.offramp.kernels.gpu.Products;
import dev.offramp.kernels.gpu.Traits;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;

/**
 * A driver that is called by one thread only, whoever calls: TornadoVM has a queue for each thread,
 * and what two threads queue one after the other has no order. Launches and copies to the device do
 * not wait for that thread; if one fails, those after it are left out, and the next call that does
 * wait throws what it threw.
 */
final class OwnThread implements Driver {
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("offramp-tornado-", 0).daemon().factory());
  private final Driver driver;
  private final DenseProduct denseProduct;
  private boolean closed;

  /** Of something that nobody waited for; the driver's thread alone looks at it. */
  private RuntimeException failure;

  /** Makes the driver, on its thread. */
  OwnThread(Supplier<Driver> driver) {
    try {
      this.driver = on(driver);
    } catch (RuntimeException | Error e) {
      thread.shutdown();
      throw e;
    }
    try {
      denseProduct = Products.asked() == Products.LIBRARY ? on(this.driver::denseProduct) : null;
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private <T> T on(Supplier<T> action) {
    return await(() -> {
      if (failure != null) {
        RuntimeException thrown = failure;
        failure = null;
        throw thrown;
      }
      return action.get();
    });
  }

  /** What cleans up is done whatever has failed. */
  private void always(Runnable action) {
    await(() -> {
      action.run();
      return null;
    });
  }

  private <T> T await(Supplier<T> action) {
    requireOpen();
    boolean interrupted = false;
    var result = thread.submit(action::get);
    try {
      while (true) {
        try {
          return result.get();
        } catch (InterruptedException e) {
          interrupted = true; // What is under way cannot be given up half-way.
        }
      }
    } catch (ExecutionException e) {
      throw rethrown(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** What the driver threw, where a caller can see both threads. */
  private static RuntimeException rethrown(Throwable thrown) {
    return switch (thrown) {
      case DeviceException e -> new DeviceException(e.getMessage(), e);
      case IllegalArgumentException e -> new IllegalArgumentException(e.getMessage(), e);
      case IllegalStateException e -> new IllegalStateException(e.getMessage(), e);
      case RuntimeException e -> e;
      case TornadoInternalError e -> new DeviceException("TornadoVM failed: " + e.getMessage(), e);
      case Error e -> throw e;
      default -> new IllegalStateException(thrown);
    };
  }

  private void run(Runnable action) {
    on(() -> {
      action.run();
      return null;
    });
  }

  /** Has it run in its turn. */
  private void later(Runnable action) {
    requireOpen();
    thread.execute(() -> {
      if (failure == null) {
        try {
          action.run();
        } catch (RuntimeException e) {
          failure = e;
        } catch (TornadoInternalError e) {
          failure = new DeviceException("TornadoVM failed: " + e.getMessage(), e);
        }
      }
    });
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(driver.info().id() + ": the device is closed");
    }
  }

  @Override
  public DeviceInfo info() {
    return driver.info();
  }

  @Override
  public Traits traits() {
    return driver.traits();
  }

  @Override
  public Memory allocate(long bytes) {
    return on(() -> driver.allocate(bytes));
  }

  @Override
  public void free(Memory memory) {
    always(() -> driver.free(memory));
  }

  @Override
  public void zero(Memory memory, long offset, long bytes) {
    later(() -> driver.zero(memory, offset, bytes));
  }

  @Override
  public Pinned pinned(long bytes) {
    return on(() -> driver.pinned(bytes));
  }

  @Override
  public void write(MemorySegment source, Memory target, long offset) {
    later(() -> driver.write(source, target, offset));
  }

  @Override
  public void read(Memory source, long offset, MemorySegment target) {
    run(() -> driver.read(source, offset, target));
  }

  @Override
  public Mark mark() {
    AtomicReference<Mark> made = new AtomicReference<>();
    later(() -> made.set(driver.mark()));
    return new Mark() {
      @Override
      public void await() {
        run(() -> {
          if (made.get() == null) {
            throw new DeviceException(info().id() + ": what was queued before this failed");
          }
          made.get().await();
        });
      }

      @Override
      public void close() {} // It is a number.
    };
  }

  @Override
  public void launch(String kernel, Grid grid, Object... arguments) {
    later(() -> driver.launch(kernel, grid, arguments));
  }

  @Override
  public DenseProduct denseProduct() {
    return denseProduct == null ? null : this::product;
  }

  private void product(
      int rows,
      int inputs,
      int outputs,
      Memory weight,
      Memory bias,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out) {
    later(() -> denseProduct.run(rows, inputs, outputs, weight, bias, in, epilogue, residual, out));
  }

  @Override
  public void beginCapture() {
    run(driver::beginCapture);
  }

  @Override
  public Captured endCapture() {
    Captured captured = on(driver::endCapture);
    return new Captured() {
      @Override
      public void launch() {
        later(captured::launch);
      }

      @Override
      public void close() {
        always(captured::close);
      }
    };
  }

  @Override
  public void abandonCapture() {
    always(driver::abandonCapture);
  }

  @Override
  public void close() {
    if (!closed) {
      try {
        always(driver::close);
      } finally {
        closed = true;
        thread.shutdown();
      }
    }
  }
}
