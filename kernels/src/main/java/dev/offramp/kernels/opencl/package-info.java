/**
 * OpenCL devices, reached through {@code java.lang.foreign} and whatever loader the machine has.
 *
 * <p>Opaque objects of OpenCL (cl_context, cl_mem, ...) are Java longs here: an address is passed
 * like one on every 64-bit system. Nothing native is touched before the first probe or open.
 */
package dev.offramp.kernels.opencl;
