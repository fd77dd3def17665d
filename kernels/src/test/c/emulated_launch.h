/*
 * Runs kernels; after the program's text and two functions: start_block(threads) before a block, and
 * end_thread() when a thread of it has ended. KERNELS lists what the text holds.
 */
template <class... P, size_t... I>
static void call(void (*f)(P...), void** arguments, std::index_sequence<I...>) {
  f(*(P*)arguments[I]...);
}

template <class... P>
static void call(void (*f)(P...), void** arguments) {
  call(f, arguments, std::index_sequence_for<P...>());
}

template <class... P>
static constexpr int count(void (*)(P...)) {
  return sizeof...(P);
}

struct kernel {
  const char* name;
  int parameters;
  void (*run)(void**);
};

#define KERNEL_OF(name) {#name, count(name), [](void** arguments) { call(name, arguments); }},
static kernel kernels[] = {KERNELS};

static kernel* running;
static void** running_arguments;

/* A thread, block after block. */
static void thread_main() {
  while (true) {
    wait_at(DONE, "its end");
    running->run(running_arguments);
    end_thread();
  }
}

static void start_threads() {
  static char* stacks = (char*)malloc(MOST_THREADS * STACK_BYTES);
  for (self = 0; self < MOST_THREADS; self++) {
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks + self * STACK_BYTES;
    context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&context, thread_main, 0);
    if (!_setjmp(scheduler)) setcontext(&context);
  }
}

static void resume(int thread) {
  self = thread;
  threadIdx = {thread % blockDim.x, thread / blockDim.x};
  states[thread] = RUNNING;
  if (!_setjmp(scheduler)) _longjmp(threads[thread], 1);
}

/* What the threads from one number up to another wait at, all together, or that they are done. */
static state common(int from, int to) {
  for (int t = from; t < to; t++) {
    if (states[t] != states[from] || strcmp(places[t], places[from])) {
      fail("thread %d is at %s, thread %d at %s", from, places[from], t, places[t]);
    }
  }
  return states[from];
}

static unsigned random_state;

static int random_below(int n) {
  random_state = random_state * 1664525 + 1013904223;
  return (int)((random_state >> 8) % (unsigned)n);
}

static void shuffle_order(std::vector<int>& order) {
  for (int i = (int)order.size() - 1; i > 0; i--) std::swap(order[i], order[random_below(i + 1)]);
}

/* Each warp that may, to where it waits for other warps or ends. */
static void run_warps(std::vector<state>& at, const std::vector<int>& order, int count) {
  for (int w : order) {
    if (at[w] != RUNNING) continue;
    int from = 32 * w;
    int to = from + 32 < count ? from + 32 : count;
    do {
      for (int t = from; t < to; t++) {
        if (states[t] != DONE) resume(t);
      }
      at[w] = common(from, to);
    } while (at[w] == AT_WARP);
  }
}

static void run_block(int count) {
  static std::vector<int> order;
  static std::vector<state> at;
  int warps = (count + 31) / 32;
  order.clear();
  for (int w = 0; w < warps; w++) order.push_back(w);
  at.assign(warps, RUNNING);
  for (int t = 0; t < count; t++) states[t] = RUNNING;
  while (true) {
    shuffle_order(order);
    run_warps(at, order, count);
    bool barrier = false;
    for (state s : at) barrier |= s == AT_BARRIER;
    if (!barrier) return;
    for (state& s : at) {
      if (s == AT_BARRIER) s = RUNNING;
    }
  }
}

/*
 * Runs a kernel with the addresses of its arguments. Returns null, or what went wrong.
 */
EXPORT const char* emulate(
    const char* name, int groups_x, int groups_y, int items_x, int items_y, int shared,
    void** arguments, int argument_count, int seed) {
  static bool started;
  running = 0;
  for (kernel& k : kernels) {
    if (!strcmp(k.name, name)) running = &k;
  }
  int count = items_x * items_y;
  if (!running) {
    snprintf(failure, sizeof failure, "%s: no such kernel", name);
    return failure;
  }
  if (running->parameters != argument_count || count > MOST_THREADS
      || shared > (int)SHARED_BYTES) {
    snprintf(failure, sizeof failure, "%s: %d arguments of %d, %d threads, %d bytes", name,
             argument_count, running->parameters, count, shared);
    return failure;
  }
  running_arguments = arguments;
  gridDim = {groups_x, groups_y};
  blockDim = {items_x, items_y};
  shared_bytes = (size_t)shared;
  random_state = (unsigned)seed;
  late = random_below(2) == 0;
  if (_setjmp(failed)) {
    started = false; /* where the threads stand, none can go on */
    static char text[sizeof failure + 64];
    snprintf(text, sizeof text, "%s: %s", name, failure);
    return text;
  }
  if (!started) start_threads();
  started = true;
  static std::vector<int> order;
  order.clear();
  for (int b = 0; b < groups_x * groups_y; b++) order.push_back(b);
  shuffle_order(order);
  for (int b : order) {
    blockIdx = {b % groups_x, b / groups_x};
    memset(tiles, 0xff, shared_bytes);
    memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);
    start_block(count);
    run_block(count);
  }
  return 0;
}
