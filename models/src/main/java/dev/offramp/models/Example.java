package dev.offramp.models;

/**
 * A text to classify.
 *
 * @param label its class, or null if not known
 */
public record Example(String text, String label) {}
