package dev.offramp.kernels;

/**
 * A linear map y = W x + b in the layout its device likes best. Made by {@link Device#linear},
 * closed by its owner.
 */
public interface Linear extends AutoCloseable {
  int inputs();

  int outputs();

  @Override
  void close();
}
