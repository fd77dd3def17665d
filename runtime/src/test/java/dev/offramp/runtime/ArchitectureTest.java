package dev.offramp.runtime;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** kernels, models and calibrate know nothing of each other; runtime joins them. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.offramp");

  @Test
  void everyModuleIsLookedAt() {
    for (String module : List.of("kernels", "models", "calibrate", "runtime")) {
      assertThat(CLASSES)
          .as(module)
          .anyMatch(type -> type.getPackageName().startsWith("dev.offramp." + module));
    }
  }

  @Test
  void theThreeLowerModulesKnowNothingOfEachOther() {
    for (String module : List.of("kernels", "models", "calibrate")) {
      noClasses()
          .that()
          .resideInAPackage("dev.offramp." + module + "..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              List.of("kernels", "models", "calibrate", "runtime").stream()
                  .filter(other -> !other.equals(module))
                  .map(other -> "dev.offramp." + other + "..")
                  .toArray(String[]::new))
          .check(CLASSES);
    }
  }

  @Test
  void onlyTheJvmDeviceUsesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.offramp.kernels.jvm..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(CLASSES);
  }

  @Test
  void onlyTheBenchKnowsItsPeers() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.offramp.runtime.bench..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("ai.onnxruntime..", "jcuda..")
        .check(CLASSES);
  }

  @Test
  void nothingDependsOnTheDemo() {
    classes()
        .that()
        .resideInAPackage("dev.offramp.runtime.demo..")
        .should()
        .onlyBeAccessed()
        .byAnyPackage("dev.offramp.runtime.demo..", "dev.offramp.runtime.cli..")
        .check(CLASSES);
  }

  @Test
  void theLowerModulesHaveNoPackageCycles() {
    for (String module : List.of("models", "calibrate", "kernels")) {
      slices()
          .matching("dev.offramp." + module + ".(*)..")
          .should()
          .beFreeOfCycles()
          .allowEmptyShould(true)
          .check(CLASSES);
    }
  }
}
