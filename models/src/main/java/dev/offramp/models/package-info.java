/** Model directories, tokenizers, data readers and importers: no device code. */
package dev.offramp.models;
