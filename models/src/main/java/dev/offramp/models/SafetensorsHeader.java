package dev.offramp.models;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** Reads and checks the header of an untrusted safetensors file. */
final class SafetensorsHeader {
  /** Real headers stay well below 1 MiB; the tree of a larger one would fill the heap. */
  static final long MAX_HEADER_BYTES = 16 << 20;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final MemorySegment data;

  private SafetensorsHeader(Path file, MemorySegment data) {
    this.file = file;
    this.data = data;
  }

  static Safetensors read(Path file, MemorySegment mapped) {
    if (mapped.byteSize() < Long.BYTES) {
      throw InputException.in(
          file, null, "too short for safetensors, " + mapped.byteSize() + " bytes; restore it");
    }
    long length = mapped.get(LENGTH, 0);
    if (length < 2 || length > MAX_HEADER_BYTES || length > mapped.byteSize() - Long.BYTES) {
      throw InputException.in(
          file,
          "header length",
          Long.toUnsignedString(length)
              + " does not fit a file of "
              + mapped.byteSize()
              + " bytes and the limit of "
              + MAX_HEADER_BYTES
              + "; the file is truncated or not safetensors");
    }
    MemorySegment header = mapped.asSlice(Long.BYTES, length);
    MemorySegment data = mapped.asSlice(Long.BYTES + length);
    return new SafetensorsHeader(file, data).parse(text(file, header));
  }

  private static String text(Path file, MemorySegment header) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(header.asByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw InputException.in(file, "header", "is not UTF-8; the file is not safetensors");
    }
  }

  private Safetensors parse(String text) {
    Json header = Json.parse(file, text);
    Map<String, String> metadata = new LinkedHashMap<>();
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    List<Extent> extents = new ArrayList<>();
    for (Map.Entry<String, Json> entry : header.fields().entrySet()) {
      String name = entry.getKey();
      Json value = new Json(file, name, entry.getValue().element());
      if (name.equals(Safetensors.METADATA)) {
        value.fields().forEach((key, item) -> metadata.put(key, item.string()));
      } else {
        tensors.put(name, tensor(name, value.exactly("dtype", "shape", "data_offsets"), extents));
      }
    }
    checkExtents(extents);
    return new Safetensors(tensors, metadata);
  }

  private Tensor tensor(String name, Json json, List<Extent> extents) {
    String typeName = json.field("dtype").string();
    TensorType type =
        TensorType.named(typeName)
            .orElseThrow(() ->
                json.field("dtype")
                    .error(
                        "\""
                            + typeName
                            + "\" is not supported; convert the tensor to one of "
                            + Arrays.toString(TensorType.values())));
    List<Long> shape = json.field("shape").list().stream().map(Json::integer).toList();
    long bytes = type.bytes();
    for (long size : shape) {
      if (size < 0 || size != 0 && bytes > Long.MAX_VALUE / size) {
        throw json.field("shape").error(shape + " is not a possible shape; restore the file");
      }
      bytes *= size;
    }
    List<Long> offsets = json.field("data_offsets").list().stream().map(Json::integer).toList();
    if (offsets.size() != 2
        || offsets.get(0) < 0
        || offsets.get(1) < offsets.get(0)
        || offsets.get(1) > data.byteSize()) {
      throw json.field("data_offsets")
          .error(
              offsets
                  + " lies outside the file's "
                  + data.byteSize()
                  + " bytes of data; the file is truncated or damaged, restore it");
    }
    long length = offsets.get(1) - offsets.get(0);
    if (length != bytes) {
      throw json.field("data_offsets")
          .error(
              "holds "
                  + length
                  + " bytes where "
                  + type
                  + " "
                  + shape
                  + " needs "
                  + bytes
                  + "; restore the file");
    }
    extents.add(new Extent(name, offsets.get(0), offsets.get(1)));
    return new Tensor(name, type, shape, data.asSlice(offsets.get(0), length));
  }

  /** The format allows neither overlaps nor gaps nor bytes after the last tensor. */
  private void checkExtents(List<Extent> extents) {
    extents.sort(Comparator.comparingLong(Extent::start).thenComparingLong(Extent::end));
    long end = 0;
    for (Extent extent : extents) {
      if (extent.start != end) {
        throw InputException.in(
            file,
            extent.name,
            "data_offsets "
                + (extent.start < end ? "overlap another tensor" : "leave a gap before the tensor")
                + "; the file is damaged, restore it");
      }
      end = extent.end;
    }
    if (end != data.byteSize()) {
      throw InputException.in(
          file,
          null,
          (data.byteSize() - end)
              + " bytes after the last tensor; the file is damaged, restore it");
    }
  }

  private record Extent(String name, long start, long end) {}
}
