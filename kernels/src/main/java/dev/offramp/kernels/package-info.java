/** Devices and the operations they offer: no model code, no statistics. */
package dev.offramp.kernels;
