package dev.offramp.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CacheTest {
  /** In the C locale a JVM cannot name a home folder beyond ASCII; no device needs it. */
  @Test
  void aHomeFolderThatCannotBeNamedHindersNoDevice() {
    String home = System.setProperty("user.home", "/home/\0");
    try {
      if (System.getenv("OFFRAMP_CACHE") == null) {
        assertThat(Cache.ofDevices()).isNull();
      }
    } finally {
      System.setProperty("user.home", home);
    }
    assertThat(Cache.ofDevices()).isEqualTo(Cache.directory().resolve("devices"));
  }
}
