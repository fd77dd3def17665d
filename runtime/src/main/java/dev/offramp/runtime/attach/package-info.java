/** Trains exit heads on the features of a frozen network. */
package dev.offramp.runtime.attach;
