/** Pages that need nothing beside them: tables, and plots as SVG. */
package dev.offramp.runtime.report;
