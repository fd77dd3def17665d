package dev.offramp.models;

import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A config.json of timm's, whose weights have torchvision's names. Only the name of the network is
 * read, as it may be one that its weights do not show.
 */
final class TimmConfig {
  private static final long MAX_BYTES = 8 << 20;

  /**
   * Such as resnetaa50 or resnetblur18. They have a pooling without weights where others stride.
   */
  private static final Pattern ANTI_ALIASED = Pattern.compile("[a-z]*(aa|blur)\\d.*");

  private TimmConfig() {}

  /**
   * Looks at the network's name, if the file has one.
   *
   * @throws InputException if it is that of a network that Offramp would compute otherwise
   */
  static void check(Path file) {
    Json.parse(file, Disk.readText(file, MAX_BYTES))
        .optional("architecture")
        .filter(name -> ANTI_ALIASED.matcher(name.string()).matches())
        .ifPresent(name -> {
          throw name.error(
              "is "
                  + name.string()
                  + ", an anti-aliased network, which pools where Offramp would stride; name the"
                  + " weights of a plain one, such as resnet50, or move the file away if it is not"
                  + " about these weights");
        });
  }
}
