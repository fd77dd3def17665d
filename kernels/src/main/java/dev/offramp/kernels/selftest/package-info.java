/**
 * Checks a device on the machine it is on, operation by operation, against plain loops in double
 * precision.
 */
package dev.offramp.kernels.selftest;
