/** Runs a model directory stage by stage on a device and lets rows leave at exit heads. */
package dev.offramp.runtime.engine;
