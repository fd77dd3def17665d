/**
 * The JSON of the Open Inference Protocol, version 2: what clients send is read and checked, what
 * they get is written. Knows models, but neither HTTP nor devices.
 */
package dev.offramp.runtime.serve.protocol;
