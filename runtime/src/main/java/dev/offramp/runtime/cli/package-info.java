/** The {@code offramp} command line: one class a command. */
package dev.offramp.runtime.cli;
