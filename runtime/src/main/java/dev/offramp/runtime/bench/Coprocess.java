package dev.offramp.runtime.bench;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A program that answers requests, one JSON document a line on stdin and one back on stdout. It is
 * to end when its stdin does, so that it does not outlive this process.
 */
final class Coprocess implements AutoCloseable {
  private static final int SECONDS_TO_END = 10;

  private final String name;
  private final Path errors;
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;

  /**
   * Starts the program.
   *
   * @param name named in errors
   * @param errors file for what it writes to stderr, whose last line tells why it ended
   * @throws IOException if there is no such program
   */
  Coprocess(String name, List<String> command, Path errors) throws IOException {
    this.name = name;
    this.errors = errors;
    process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /**
   * Sends a request and waits for the answer, however long that takes.
   *
   * @throws PeerException if the program has ended or answers something else than JSON
   */
  JsonObject ask(JsonObject request) {
    String answer;
    try {
      requests.write(request.toString());
      requests.write('\n');
      requests.flush();
      answer = answers.readLine();
    } catch (IOException e) {
      throw new PeerException(name + " ended: " + lastWords(), e);
    }
    if (answer == null) {
      throw new PeerException(name + " ended: " + lastWords());
    }
    try {
      return JsonParser.parseString(answer).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new PeerException(name + " answered what is not a JSON object: " + answer, e);
    }
  }

  private String lastWords() {
    end();
    try {
      return Files.readString(errors)
          .lines()
          .filter(line -> !line.isBlank())
          .reduce((first, second) -> second)
          .orElse("exit code " + process.exitValue());
    } catch (IOException e) {
      return "exit code " + process.exitValue();
    }
  }

  /** After this the process is no more. */
  private void end() {
    try {
      requests.close();
    } catch (IOException e) {
      // It has ended by itself.
    }
    try {
      if (!process.waitFor(SECONDS_TO_END, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    end();
    try {
      answers.close();
    } catch (IOException e) {
      // Nothing is read any more.
    }
  }
}
