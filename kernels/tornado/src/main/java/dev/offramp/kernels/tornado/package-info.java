/** Devices whose kernels are Java methods that TornadoVM compiles for them. */
package dev.offramp.kernels.tornado;
