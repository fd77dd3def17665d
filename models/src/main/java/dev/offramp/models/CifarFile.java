package dev.offramp.models;

import java.util.List;

final class CifarFile {
  static final List<String> LABELS =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  private CifarFile() {}
}
