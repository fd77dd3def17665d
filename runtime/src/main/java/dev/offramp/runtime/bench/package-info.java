/** Throughput and latency of modes timed side by side in one process. */
package dev.offramp.runtime.bench;
