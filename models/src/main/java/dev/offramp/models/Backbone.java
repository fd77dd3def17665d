package dev.offramp.models;

import java.util.SequencedMap;

/** An encoder without exit heads: its sizes and its tensors under {@link BertTensors}' names. */
record Backbone(BertArchitecture architecture, SequencedMap<String, Tensor> tensors) {}
