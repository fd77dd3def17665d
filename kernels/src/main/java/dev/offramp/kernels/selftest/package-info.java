/** Checks a device on the machine it is on, operation by operation, against the jvm device. */
package dev.offramp.kernels.selftest;
