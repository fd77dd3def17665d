package dev.offramp.models;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;

/**
 * WordPiece (Wu et al. 2016, arXiv 1609.08144) with BERT's normalisation, read from a Hugging Face
 * tokenizer.json. Gives the same ids as Hugging Face's own library. Safe for use by several
 * threads.
 */
public final class WordPieceTokenizer {
  /** Characters normalised at a time: a text is read only as far as its tokens are wanted. */
  private static final int CHUNK = 256;

  private final TokenizerJson json;

  WordPieceTokenizer(TokenizerJson json) {
    this.json = json;
  }

  /**
   * @throws InputException if the file is not a tokenizer.json of a WordPiece tokenizer with BERT's
   *     normalizer and pre-tokenizer, naming the JSON path
   */
  public static WordPieceTokenizer read(Path tokenizerJson) {
    return new WordPieceTokenizer(TokenizerJson.read(tokenizerJson));
  }

  /** One more than the largest id. */
  public int vocabSize() {
    return json.vocabSize();
  }

  /**
   * The ids of a text between the special tokens, usually [CLS] and [SEP]. Special tokens written
   * out in the text become themselves. A lone surrogate counts as U+FFFD. Time is linear in the
   * part of the text that was needed.
   *
   * @param maxTokens the most ids to return, special ones included; the rest of the text is cut off
   * @throws IllegalArgumentException if maxTokens leaves no room for the special tokens
   */
  public int[] encode(String text, int maxTokens) {
    int room = maxTokens - json.prefix().length - json.suffix().length;
    if (room < 0) {
      throw new IllegalArgumentException("no room for the special tokens in " + maxTokens);
    }
    Pieces pieces = new Pieces(room);
    Matcher matcher = json.addedPattern().matcher(text);
    int at = 0;
    while (at < text.length() && !pieces.full()) {
      boolean found = matcher.find();
      split(text, at, found ? matcher.start() : text.length(), pieces);
      pieces.endOfWord();
      if (found && !pieces.full()) {
        pieces.add(json.added().get(matcher.group()));
      }
      at = found ? matcher.end() : text.length();
    }
    return pieces.between(json.prefix(), json.suffix());
  }

  private void split(String text, int from, int to, Pieces pieces) {
    for (int at = from; at < to && !pieces.full(); ) {
      int end = Math.min(at + CHUNK, to);
      // Longer runs of marks are cut, or hostile text could make their sorting quadratic.
      int limit = Math.min(end + CHUNK, to);
      while (end < limit && isInsideCharacter(text, end)) {
        end++;
      }
      if (end < to && Character.isSurrogatePair(text.charAt(end - 1), text.charAt(end))) {
        end--;
      }
      json.rules().split(text, at, end, pieces);
      at = end;
    }
  }

  private static boolean isInsideCharacter(String text, int i) {
    return switch (Character.getType(text.codePointAt(i))) {
      case Character.NON_SPACING_MARK,
          Character.COMBINING_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.SURROGATE ->
          true;
      default -> false;
    };
  }

  /** Collects words and cuts each into the longest pieces the vocabulary has, from the left. */
  private final class Pieces implements BertText.Sink {
    private final int[] ids;
    private int size;
    private final StringBuilder word = new StringBuilder();
    private int wordLength;

    Pieces(int room) {
      ids = new int[room];
    }

    @Override
    public boolean full() {
      return size == ids.length;
    }

    @Override
    public void codePoint(int c) {
      wordLength++;
      if (wordLength <= json.maxWordLength()) {
        word.appendCodePoint(c);
      }
    }

    @Override
    public void endOfWord() {
      if (wordLength > 0 && !full()) {
        addWord();
      }
      word.setLength(0);
      wordLength = 0;
    }

    private void addWord() {
      int start = size;
      if (wordLength > json.maxWordLength()) {
        add(json.unknown());
        return;
      }
      int from = 0;
      while (from < word.length()) {
        String prefix = from == 0 ? "" : json.continuation();
        int to = Math.min(word.length(), from + json.longestToken());
        Integer id = null;
        while (to > from
            && (id = json.vocabulary().get(prefix + word.substring(from, to))) == null) {
          to--;
        }
        if (id == null) {
          size = start; // No pieces at all rather than some.
          add(json.unknown());
          return;
        }
        if (!full()) {
          add(id);
        }
        from = to;
      }
    }

    private void add(int id) {
      ids[size++] = id;
    }

    int[] between(int[] prefix, int[] suffix) {
      int[] all = Arrays.copyOf(prefix, prefix.length + size + suffix.length);
      System.arraycopy(ids, 0, all, prefix.length, size);
      System.arraycopy(suffix, 0, all, prefix.length + size, suffix.length);
      return all;
    }
  }
}
