package dev.offramp.models;

import java.nio.file.Path;
import java.util.Arrays;

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
    return parse(tokenizerJson, Disk.readText(tokenizerJson, TokenizerJson.MAX_BYTES));
  }

  /** As {@link #read}, of what was read of the file. */
  static WordPieceTokenizer parse(Path tokenizerJson, String text) {
    return new WordPieceTokenizer(TokenizerJson.parse(tokenizerJson, text));
  }

  /** One more than the largest id. */
  public int vocabSize() {
    return json.vocabSize();
  }

  /**
   * The ids of a text between the special tokens, usually [CLS] and [SEP]. Special and added tokens
   * written out in the text become themselves. A lone surrogate counts as U+FFFD. Time is linear in
   * the part of the text that was needed.
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
    int rest = 0; // Where the text begins that has not been cut yet.
    for (int i = 0; i < text.length() && !pieces.full(); ) {
      AddedTokens.Token token = json.added().at(text, i);
      if (token == null) {
        i++;
        continue;
      }
      int end = i + token.text().length();
      if (token.fits(text, i)) {
        split(text, rest, token.lstrip() ? whitespaceBefore(text, rest, i) : i, pieces);
        pieces.token(token.id());
        rest = token.rstrip() ? whitespaceAfter(text, end) : end;
      }
      i = end;
    }
    split(text, rest, text.length(), pieces);
    return pieces.between(json.prefix(), json.suffix());
  }

  private static int whitespaceBefore(String text, int from, int at) {
    int start = at;
    while (start > from && BertCharacters.isWhitespace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  private static int whitespaceAfter(String text, int at) {
    int end = at;
    while (end < text.length() && BertCharacters.isWhitespace(text.charAt(end))) {
      end++;
    }
    return end;
  }

  /**
   * Cuts text[from, to), which holds no token as it stands but may hold some once it is normalised.
   * White space gives no pieces there, so it does not matter whether it goes with a token.
   */
  private void split(String text, int from, int to, Pieces pieces) {
    AddedTokens tokens = json.addedNormalized();
    StringBuilder normal = new StringBuilder();
    int read = from;
    int tried = 0; // Before it no token is looked for.
    for (int i = 0; !pieces.full(); ) {
      while (read < to && normal.length() - i < tokens.reach()) {
        int end = endOfChunk(text, read, to);
        json.rules().normalise(text, read, end, normal);
        read = end;
      }
      if (i == normal.length()) {
        break;
      }
      AddedTokens.Token token = i < tried ? null : tokens.at(normal, i);
      if (token != null) {
        tried = i + token.text().length();
        if (token.fits(normal, i)) {
          pieces.token(token.id());
          i = tried;
          continue;
        }
      }
      int c = normal.codePointAt(i);
      i += Character.charCount(c);
      pieces.character(c);
    }
    pieces.endOfWord();
  }

  private static int endOfChunk(String text, int from, int to) {
    int end = Math.min(from + CHUNK, to);
    // Longer runs of marks are cut, or hostile text could make their sorting quadratic.
    int limit = Math.min(end + CHUNK, to);
    while (end < limit && isInsideCharacter(text, end)) {
      end++;
    }
    boolean cutsPair =
        end < to && Character.isSurrogatePair(text.charAt(end - 1), text.charAt(end));
    return cutsPair ? end - 1 : end;
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
  private final class Pieces {
    private final int[] ids;
    private int size;
    private final StringBuilder word = new StringBuilder();
    private int wordLength;

    Pieces(int room) {
      ids = new int[room];
    }

    /** Whether nothing more is wanted. */
    boolean full() {
      return size == ids.length;
    }

    /** BERT's pre-tokenizer: words end at white space, and punctuation marks are words. */
    void character(int c) {
      if (BertCharacters.isWhitespace(c)) {
        endOfWord();
      } else if (BertCharacters.isPunctuation(c)) {
        endOfWord();
        append(c);
        endOfWord();
      } else {
        append(c);
      }
    }

    private void append(int c) {
      wordLength++;
      if (wordLength <= json.maxWordLength()) {
        word.appendCodePoint(c);
      }
    }

    void token(int id) {
      endOfWord();
      if (!full()) {
        add(id);
      }
    }

    void endOfWord() {
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
