/** The HTTP/1.1 front of the server: limits, refusals, draining. It knows nothing of models. */
package dev.offramp.runtime.serve.http;
