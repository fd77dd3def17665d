/*
 * The table of live rows, int[]:
 *   [0] count of live rows, [1] count of their valid positions, [2] positions a row has room for,
 *   then rows, lengths and starts, (capacity) each: number of the i-th live row, its valid
 *   positions, and where its positions start in the list that follows,
 *   then the list (capacity * positions at most): row * positions + position of each valid one.
 */
#define LIVE_COUNT 0
#define LIVE_TOKENS 1
#define LIVE_POSITIONS 2
#define LIVE_HEADER 4
#define LIVE_ROWS(live) ((live) + LIVE_HEADER)
#define LIVE_LENGTHS(live, capacity) ((live) + LIVE_HEADER + (capacity))
#define LIVE_STARTS(live, capacity) ((live) + LIVE_HEADER + 2 * (capacity))
#define LIVE_LIST(live, capacity) ((live) + LIVE_HEADER + 3 * (capacity))

#define SCAN 256

/*
 * Keeps, in their order, the rows whose score, from place line on, is not above lambda; NaN is above nothing. One group
 * of SCAN items.
 */
KERNEL void compact(
    GLOBAL int* live, int capacity, const GLOBAL float* RESTRICT scores, int line, float lambda) {
  LOCAL int stays[SCAN];
  LOCAL int tokens[SCAN];
  int count = live[LIVE_COUNT];
  int kept = 0;
  int kept_tokens = 0;
  for (int from = 0; from < count; from += SCAN) {
    int i = from + LANE;
    int row = 0;
    int length = 0;
    int stay = 0;
    if (i < count && !(scores[line + i] > lambda)) {
      stay = 1;
      row = LIVE_ROWS(live)[i];
      length = LIVE_LENGTHS(live, capacity)[i];
    }
    stays[LANE] = stay;
    tokens[LANE] = length;
    BARRIER();
    for (int step = 1; step < SCAN; step *= 2) {
      int s = LANE >= step ? stays[LANE - step] : 0;
      int t = LANE >= step ? tokens[LANE - step] : 0;
      BARRIER();
      stays[LANE] += s;
      tokens[LANE] += t;
      BARRIER();
    }
    /* Places written lie before those that are still to be read: rows only move forward. */
    if (stay) {
      int to = kept + stays[LANE] - 1;
      LIVE_ROWS(live)[to] = row;
      LIVE_LENGTHS(live, capacity)[to] = length;
      LIVE_STARTS(live, capacity)[to] = kept_tokens + tokens[LANE] - length;
    }
    kept += stays[SCAN - 1];
    kept_tokens += tokens[SCAN - 1];
    BARRIER_GLOBAL();
  }
  if (LANE == 0) {
    live[LIVE_COUNT] = kept;
    live[LIVE_TOKENS] = kept_tokens;
  }
}

/* Lists the valid positions of the live rows anew; a group for each row that may be live. */
KERNEL void list_tokens(GLOBAL int* live, int capacity) {
  if (GROUP < live[LIVE_COUNT]) {
    int first = LIVE_ROWS(live)[GROUP] * live[LIVE_POSITIONS];
    int length = LIVE_LENGTHS(live, capacity)[GROUP];
    int start = LIVE_STARTS(live, capacity)[GROUP];
    for (int p = LANE; p < length; p += LANES) {
      LIVE_LIST(live, capacity)[start + p] = first + p;
    }
  }
}

/* A table of as many rows as it has room for, of one position each. */
KERNEL void identity(GLOBAL int* live, int capacity) {
  int i = GROUP * LANES + LANE;
  if (i == 0) {
    live[LIVE_COUNT] = capacity;
    live[LIVE_TOKENS] = capacity;
    live[LIVE_POSITIONS] = 1;
  }
  if (i < capacity) {
    LIVE_ROWS(live)[i] = i;
    LIVE_LENGTHS(live, capacity)[i] = 1;
    LIVE_STARTS(live, capacity)[i] = i;
    LIVE_LIST(live, capacity)[i] = i;
  }
}
