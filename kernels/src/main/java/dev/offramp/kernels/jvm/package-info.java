/**
 * The embedded device: kernels in Java on the Vector API, with a plain Java fallback.
 *
 * <p>A GEMM result is one chain of fused multiply-adds in the order of the inputs, whatever the
 * tile or thread that computes it. So a row's values do not depend on the rows beside it, and exits
 * do not depend on batching.
 */
package dev.offramp.kernels.jvm;
