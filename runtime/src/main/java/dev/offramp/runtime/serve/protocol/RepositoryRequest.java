package dev.offramp.runtime.serve.protocol;

import java.io.IOException;

/**
 * What a request to the model repository may carry. Its body may be empty; what is not understood
 * is refused, for who sends it expects that it has an effect.
 */
public final class RepositoryRequest {
  private RepositoryRequest() {}

  /**
   * Reads a request for the list of models.
   *
   * @return whether only those that are ready are to be listed
   * @throws BadRequestException if it is not a request of this kind
   */
  public static boolean index(byte[] body) {
    boolean[] ready = {false};
    read(
        body,
        (json, field, path) -> {
          if (!field.equals("ready")) {
            throw new BadRequestException(path, "unknown field; remove it (known here: ready)");
          }
          ready[0] = json.bool();
        });
    return ready[0];
  }

  /**
   * Reads a request to load a model anew, which can say no more than that.
   *
   * @throws BadRequestException if it is not a request of this kind
   */
  public static void load(byte[] body) {
    read(
        body,
        (json, field, path) -> {
          if (!field.equals("parameters")) {
            throw new BadRequestException(
                path, "unknown field; remove it (known here: parameters)");
          }
          if (!json.isNull()) {
            json.object((name, at) -> {
              throw new BadRequestException(
                  at, "unknown parameter; remove it (a model is loaded as its directory says)");
            });
          }
        });
  }

  private interface Field {
    void read(JsonBody json, String name, String path) throws IOException;
  }

  private static void read(byte[] body, Field field) {
    if (body.length > 0) {
      JsonBody.read(body, json -> json.object((name, path) -> field.read(json, name, path)));
    }
  }
}
