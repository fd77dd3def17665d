package dev.offramp.kernels.gpu;

import dev.offramp.kernels.Epilogue;
import dev.offramp.kernels.gpu.Driver.Memory;

/**
 * The matrix product of a vendor's library, for rows that lie one after the other. It takes part
 * only where it is asked for ({@link Products#LIBRARY}): it chooses its algorithm by the number of
 * rows, so that a row's result would depend on its batch.
 */
public interface DenseProduct {
  /**
   * Queues out = epilogue(in W + bias), or adds it to the capture that has been begun.
   *
   * @param rows rows of in, residual and out
   * @param weight of the type of activations, [outputs, inputs]
   * @param bias of the type of activations, [outputs]
   * @param epilogue any but {@link Epilogue#BIAS_GELU}, which libraries only approximate
   * @param residual activations [rows, outputs], or null
   */
  void run(
      int rows,
      int inputs,
      int outputs,
      Memory weight,
      Memory bias,
      Memory in,
      Epilogue epilogue,
      Memory residual,
      Memory out);
}
