/** Risk control: losses in, thresholds and a certificate out; no device and no model code. */
package dev.offramp.calibrate;
