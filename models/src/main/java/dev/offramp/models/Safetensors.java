package dev.offramp.models;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A memory-mapped safetensors file (github.com/huggingface/safetensors): an 8-byte little-endian
 * header length, a JSON header, then the tensors back to back without gaps.
 *
 * @param tensors by name, in the order of the header; they live as long as the arena of {@link
 *     #open}
 * @param metadata the strings under {@code __metadata__}
 */
public record Safetensors(SequencedMap<String, Tensor> tensors, Map<String, String> metadata) {
  static final String METADATA = "__metadata__";

  /** Tensor data starts at a multiple of this, so that it is aligned for any vector width. */
  private static final int ALIGNMENT = 64;

  private static final long MAX_CHUNK = 1 << 30;
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  public Safetensors {
    tensors = Collections.unmodifiableSequencedMap(tensors);
    metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Maps the file. Everything the header says is checked before it is used.
   *
   * @throws InputException if the file is truncated, its header malformed, or a tensor's type,
   *     shape or offsets are wrong
   */
  public static Safetensors open(Path file, Arena arena) {
    return SafetensorsHeader.read(file, Disk.map(file, arena));
  }

  /**
   * An entry of the metadata that is JSON itself.
   *
   * @param file where this was read
   */
  Json json(Path file, String key) {
    String value = metadata.get(key);
    if (value == null) {
      throw InputException.in(file, METADATA + "." + key, "missing; write the file again");
    }
    return new Json(file, METADATA + "." + key, Json.parse(file, value).element());
  }

  /** Writes the tensors under the keys of the map, by way of a temporary file. */
  public static void write(
      Path file, SequencedMap<String, Tensor> tensors, Map<String, String> metadata) {
    Disk.replaceFile(file, temporary -> writeTo(temporary, tensors, metadata));
  }

  static void writeTo(Path file, SequencedMap<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    // Wide types first keeps every tensor aligned to its element size.
    List<Map.Entry<String, Tensor>> ordered = new ArrayList<>(tensors.entrySet());
    ordered.sort(Comparator.comparing(e -> -e.getValue().type().bytes()));
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      writeFully(channel, header(ordered, metadata));
      for (Map.Entry<String, Tensor> entry : ordered) {
        MemorySegment data = entry.getValue().data();
        for (long at = 0; at < data.byteSize(); at += MAX_CHUNK) {
          long length = Math.min(MAX_CHUNK, data.byteSize() - at);
          writeFully(channel, data.asSlice(at, length).asByteBuffer());
        }
      }
    }
  }

  private static ByteBuffer header(
      List<Map.Entry<String, Tensor>> ordered, Map<String, String> metadata) {
    JsonObject header = new JsonObject();
    if (!metadata.isEmpty()) {
      header.add(METADATA, GSON.toJsonTree(metadata));
    }
    long offset = 0;
    for (Map.Entry<String, Tensor> entry : ordered) {
      Tensor tensor = entry.getValue();
      JsonObject description = new JsonObject();
      description.addProperty("dtype", tensor.type().name());
      description.add("shape", GSON.toJsonTree(tensor.shape()));
      long end = offset + tensor.data().byteSize();
      description.add("data_offsets", GSON.toJsonTree(List.of(offset, end)));
      header.add(entry.getKey(), description);
      offset = end;
    }
    byte[] json = GSON.toJson(header).getBytes(StandardCharsets.UTF_8);
    int padded = Math.ceilDiv(Long.BYTES + json.length, ALIGNMENT) * ALIGNMENT - Long.BYTES;
    ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(padded).put(json);
    while (buffer.hasRemaining()) {
      buffer.put((byte) ' ');
    }
    return buffer.flip();
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
