/** The runtime as a service: models behind HTTP that watch the risk of their own exits. */
package dev.offramp.runtime.serve;
