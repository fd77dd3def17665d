package dev.offramp.models;

/** How an input becomes a row of the network. */
public sealed interface Preprocessing permits TextPreprocessing, ImagePreprocessing {}
