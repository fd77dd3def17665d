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

/* Lists the valid positions of the i-th live row, an item each. */
DEVFN void list_row(GLOBAL int* live, int capacity, int i, int item, int items) {
  int first = LIVE_ROWS(live)[i] * live[LIVE_POSITIONS];
  int length = LIVE_LENGTHS(live, capacity)[i];
  int start = LIVE_STARTS(live, capacity)[i];
  for (int p = item; p < length; p += items) {
    LIVE_LIST(live, capacity)[start + p] = first + p;
  }
}

/*
 * Keeps, in their order, the rows whose score, from place line on, is not above lambda; NaN is above
 * nothing. One group of SCAN items. Lists the positions too where list says so; for many rows
 * list_tokens is faster.
 */
KERNEL void compact(
    GLOBAL int* live,
    int capacity,
    const GLOBAL float* RESTRICT scores,
    int line,
    float lambda,
    int list) {
  AWAIT_EARLIER();
  LOCAL int scratch[2 * SCAN];
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
    int places = stay;
    int tokens = length;
    int all_places;
    int all_tokens;
    group_scan(&places, &tokens, &all_places, &all_tokens, scratch);
    /* Places written lie before those that are still to be read: rows only move forward. */
    if (stay) {
      int to = kept + places - 1;
      LIVE_ROWS(live)[to] = row;
      LIVE_LENGTHS(live, capacity)[to] = length;
      LIVE_STARTS(live, capacity)[to] = kept_tokens + tokens - length;
    }
    kept += all_places;
    kept_tokens += all_tokens;
    BARRIER_GLOBAL();
  }
  if (LANE == 0) {
    live[LIVE_COUNT] = kept;
    live[LIVE_TOKENS] = kept_tokens;
  }
  if (list) {
    for (int i = LANE / 32; i < kept; i += SCAN / 32) {
      list_row(live, capacity, i, LANE % 32, 32);
    }
  }
}

/* Lists the valid positions of the live rows anew; a group for each row that may be live. */
KERNEL void list_tokens(GLOBAL int* live, int capacity) {
  AWAIT_EARLIER();
  if (GROUP < live[LIVE_COUNT]) {
    list_row(live, capacity, GROUP, LANE, LANES);
  }
}

/* A table of as many rows as it has room for, of one position each. */
KERNEL void identity(GLOBAL int* live, int capacity) {
  AWAIT_EARLIER();
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
