/** The demo: the main job, from a published model to a certified speed-up, on real text. */
package dev.offramp.runtime.demo;
