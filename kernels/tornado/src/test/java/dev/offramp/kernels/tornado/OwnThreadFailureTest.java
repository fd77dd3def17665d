package dev.offramp.kernels.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.offramp.kernels.DeviceException;
import dev.offramp.kernels.DeviceInfo;
import dev.offramp.kernels.Precision;
import dev.offramp.kernels.gpu.Driver;
import dev.offramp.kernels.gpu.Driver.Memory;
import dev.offramp.kernels.gpu.Grid;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** Of a driver whose launches fail, told apart from the others by their kernels. */
class OwnThreadFailureTest {
  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final Memory memory = new Memory(1, 4);

  private Driver driver() {
    return new OwnThread(() ->
        (Driver)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {Driver.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("info")) {
                    return new DeviceInfo("tornado:0", "", 1, 1, Precision.F32, "");
                  }
                  boolean launch = method.getName().equals("launch");
                  calls.add(launch ? (String) arguments[0] : method.getName());
                  if (launch && arguments[0].equals("bad")) {
                    throw new DeviceException("bad does not compile");
                  }
                  return null;
                }));
  }

  @Test
  void theNextCallThatWaitsThrowsIt() {
    Driver driver = driver();
    driver.launch("good", Grid.of(1, 1));
    driver.launch("bad", Grid.of(1, 1));
    driver.launch("after", Grid.of(1, 1));
    assertThatThrownBy(() -> driver.read(memory, 0, null))
        .isInstanceOf(DeviceException.class)
        .hasMessage("bad does not compile");
    assertThat(calls).containsExactly("good", "bad");
    driver.read(memory, 0, null);
    assertThat(calls).containsExactly("good", "bad", "read");
    driver.close();
  }

  @Test
  void cleaningUpIsDoneAllTheSame() {
    Driver driver = driver();
    driver.launch("bad", Grid.of(1, 1));
    driver.free(memory);
    driver.close();
    driver.close();
    assertThat(calls).containsExactly("bad", "free", "close");
    assertThatThrownBy(() -> driver.launch("late", Grid.of(1, 1)))
        .isInstanceOf(IllegalStateException.class);
  }
}
