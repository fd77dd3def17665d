/** Calibration put to the test on repeated random splits of one loss table. */
package dev.offramp.runtime.validate;
