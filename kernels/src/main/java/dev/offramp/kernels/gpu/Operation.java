package dev.offramp.kernels.gpu;

import java.util.function.Consumer;

/**
 * One call of an operation whose arguments have been checked.
 *
 * @param rows the live rows it works on
 * @param compacts whether it takes rows out
 * @param launch queues its kernels, with grids for these bounds
 */
record Operation(GpuRows rows, boolean compacts, Consumer<Bounds> launch) {}
