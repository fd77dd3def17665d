/** Joins devices, models and calibration: engine, command line, bench and reports. */
package dev.offramp.runtime;
