/** CUDA devices, through the driver's own library; NVRTC and cuBLASLt are used where found. */
package dev.offramp.kernels.cuda;
