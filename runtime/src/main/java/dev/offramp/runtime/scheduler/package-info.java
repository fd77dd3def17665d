/** Decides which rows run which stage together, so that exits turn into time. */
package dev.offramp.runtime.scheduler;
