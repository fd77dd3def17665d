/** What the runtime reads from its surroundings and tells them: texts, Maven, messages, memory. */
package dev.offramp.runtime.io;
