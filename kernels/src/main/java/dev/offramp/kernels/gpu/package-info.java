/**
 * Devices that run the kernels of this package's resources, whatever their driver: operations,
 * memory, recordings and the choice of product kernels.
 */
package dev.offramp.kernels.gpu;
