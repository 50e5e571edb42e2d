/*
 * Load for a memcached server from one thread: many connections by epoll, requests in batches or at a steady rate, every byte of every
 * answer checked. It is in C because the servers it measures answer half a million requests a second: a client in JavaScript would cost more
 * than they do and measure itself. The bench compiles it with the system's cc; nothing else of the project depends on it.
 *
 *     memcached-load PORT SHAPE CONNECTIONS DEPTH SECONDS SEED RATE
 *
 *     SHAPE   fill    stores each of the 100,000 keys once, and nothing else
 *             get, set, mixed (one set to nine gets), mg ("mg key v")
 *     DEPTH   requests that a connection sends in one write; the next when all are answered (closed loop)
 *     RATE    0: closed loop. Else requests a second in all, at the times of a Poisson process, connections in turn, each sent when it is due
 *             whether earlier ones are answered or not; its latency begins then, also when it could not be sent then (no coordinated omission)
 *
 * The value of a key is a function of the key, so what a get must return is known whoever stored it last. Prints one line:
 *
 *     measured ANSWERS MICROSECONDS P50_NS P99_NS P999_NS CPU_US
 *
 * An answer that is wrong, or does not come, ends it with what came, and status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 100000, KEY = 12, VALUE = 100, MOST_WAITING = 1 << 14, READ = 1 << 16, POOL = 4096, MOST_ANSWER = 256 };
/* Answers that have not come so long after the last request was sent are missing. */
#define PATIENCE_NS 5000000000ull
/* Nearer than this the next request is waited for without sleeping. */
#define SPIN_NS 200000ull

struct waiting {
  uint64_t since;
  uint32_t key;
  uint8_t set;
};

struct connection {
  int fd;
  int writable; /* Wants to know when it can write again. */
  uint32_t head, tail; /* Of `waiting`, as counts; the difference is what is unanswered. */
  struct waiting waiting[MOST_WAITING];
  char *out;
  size_t out_from, out_to, out_size;
  char part[MOST_ANSWER]; /* Of an answer that has not come whole. */
  size_t part_size;
};

static char pool[POOL];
static uint64_t random_state;
static enum { FILL, GET, SET, MIXED, MG } shape;
static struct connection *connections;
static int connection_count, depth, epoll_fd;
static uint32_t next_fill;
static uint64_t answers, deadline, counted;
/* What was asked in time counts for an open loop however late it is answered: that is its latency. */
static int late_counts;

static void fail(const char *what) {
  fprintf(stderr, "memcached-load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* xorshift64*. */
static uint64_t random64(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 2685821657736338717ull;
}

static double random_unit(void) { return (double)(random64() >> 11) / 9007199254740992.0; }

/* ---- latencies: 64 classes for each power of two, so within 1.6 % -------------------------------------------------------------------- */

enum { CLASSES = 64 * 64 };
static uint64_t histogram[CLASSES];

static int class_of(uint64_t ns) {
  if (ns < 64) return (int)ns;
  int power = 63 - __builtin_clzll(ns);
  return (power - 5) * 64 + (int)((ns >> (power - 6)) & 63);
}

static uint64_t middle_of(int class) {
  if (class < 64) return (uint64_t)class;
  int power = class / 64 + 5;
  uint64_t width = 1ull << (power - 6);
  return (1ull << power) + (uint64_t)(class % 64) * width + width / 2;
}

static uint64_t quantile(double q) {
  uint64_t all = 0, seen = 0;
  for (int i = 0; i < CLASSES; i++) all += histogram[i];
  for (int i = 0; i < CLASSES; i++) {
    seen += histogram[i];
    if (seen > 0 && (double)seen >= q * (double)all) return middle_of(i);
  }
  return 0;
}

/* ---- what is sent and what must come ------------------------------------------------------------------------------------------------- */

static char *put(char *at, const char *bytes, size_t size) {
  memcpy(at, bytes, size);
  return at + size;
}

#define PUT(at, text) put(at, text, sizeof(text) - 1)

static char *put_key(char *at, uint32_t key) {
  at = PUT(at, "key:");
  for (int i = KEY - 5; i >= 0; i--) {
    at[i] = (char)('0' + key % 10);
    key /= 10;
  }
  return at + KEY - 4;
}

static char *put_value(char *at, uint32_t key) {
  at = put_key(at, key);
  return put(at, pool + (key * 37u) % (POOL - VALUE), VALUE - KEY);
}

static char *put_request(char *at, uint32_t key, int set) {
  if (set) {
    at = PUT(at, "set ");
    at = put_key(at, key);
    at = PUT(at, " 0 0 100\r\n");
    at = put_value(at, key);
    return PUT(at, "\r\n");
  }
  if (shape == MG) {
    at = PUT(at, "mg ");
    at = put_key(at, key);
    return PUT(at, " v\r\n");
  }
  at = PUT(at, "get ");
  at = put_key(at, key);
  return PUT(at, "\r\n");
}

static size_t expected(char *into, const struct waiting *w) {
  char *at = into;
  if (w->set) return (size_t)(PUT(at, "STORED\r\n") - into);
  if (shape == MG) {
    at = PUT(at, "VA 100\r\n");
    at = put_value(at, w->key);
    return (size_t)(PUT(at, "\r\n") - into);
  }
  at = PUT(at, "VALUE ");
  at = put_key(at, w->key);
  at = PUT(at, " 0 100\r\n");
  at = put_value(at, w->key);
  return (size_t)(PUT(at, "\r\nEND\r\n") - into);
}

/* ---- connections --------------------------------------------------------------------------------------------------------------------- */

static void watch(struct connection *c, int writable) {
  if (c->writable == writable) return;
  c->writable = writable;
  struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event)) fail("epoll_ctl");
}

static void flush(struct connection *c) {
  while (c->out_from < c->out_to) {
    ssize_t sent = send(c->fd, c->out + c->out_from, c->out_to - c->out_from, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) fail("send");
      errno = 0;
      watch(c, 1);
      return;
    }
    c->out_from += (size_t)sent;
  }
  c->out_from = c->out_to = 0;
  watch(c, 0);
}

static void add_request(struct connection *c, uint64_t since) {
  if (c->tail - c->head == MOST_WAITING) fail("the server is too slow for this rate: 16,384 requests wait on one connection");
  struct waiting *w = &c->waiting[c->tail++ % MOST_WAITING];
  w->since = since;
  w->set = shape == FILL || shape == SET || (shape == MIXED && random64() % 10 == 0);
  w->key = shape == FILL ? next_fill++ : (uint32_t)(random64() % KEYS);
  if (c->out_to + MOST_ANSWER > c->out_size) {
    memmove(c->out, c->out + c->out_from, c->out_to - c->out_from);
    c->out_to -= c->out_from;
    c->out_from = 0;
    if (c->out_to + MOST_ANSWER > c->out_size) c->out = realloc(c->out, c->out_size *= 2);
    if (!c->out) fail("realloc");
  }
  c->out_to = (size_t)(put_request(c->out + c->out_to, w->key, w->set) - c->out);
}

static int is_over(uint64_t now) { return shape == FILL ? next_fill == KEYS : now >= deadline; }

static void send_batch(struct connection *c, uint64_t now) {
  for (int i = 0; i < depth && !is_over(now); i++) add_request(c, now);
  flush(c);
}

static void wrong(const char *got, size_t got_size, const char *want, size_t want_size) {
  fprintf(stderr, "memcached-load: wrong answer after %llu right ones; got ", (unsigned long long)answers);
  fwrite(got, 1, got_size < 200 ? got_size : 200, stderr);
  fprintf(stderr, "; expected ");
  fwrite(want, 1, want_size, stderr);
  fprintf(stderr, "\n");
  exit(1);
}

/* Compares what came with what must come, answer by answer. */
static void take(struct connection *c, const char *bytes, size_t size) {
  uint64_t now = now_ns();
  char want[MOST_ANSWER];
  while (size > 0) {
    if (c->head == c->tail) wrong(bytes, size, "nothing", 7);
    struct waiting *w = &c->waiting[c->head % MOST_WAITING];
    size_t want_size = expected(want, w);
    size_t lacking = want_size - c->part_size;
    size_t part = size < lacking ? size : lacking;
    if (memcmp(bytes, want + c->part_size, part)) wrong(bytes, size, want, want_size);
    bytes += part;
    size -= part;
    c->part_size += part;
    if (c->part_size < want_size) return;
    c->part_size = 0;
    c->head++;
    answers++;
    if (now > deadline && !late_counts) continue;
    counted++;
    histogram[class_of(now - w->since)]++;
  }
}

static void readable(struct connection *c) {
  static char buffer[READ];
  ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
  if (got == 0) fail("the server closed a connection");
  if (got < 0) {
    if (errno != EAGAIN) fail("recv");
    errno = 0;
    return;
  }
  take(c, buffer, (size_t)got);
}

static void serve_events(int64_t wait_ns, int batches) {
  struct epoll_event events[256];
  struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
  int count = epoll_pwait2(epoll_fd, events, 256, &wait, NULL);
  if (count < 0 && errno != EINTR) fail("epoll_wait");
  errno = 0;
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) flush(c);
    if (!(events[i].events & ~(unsigned)EPOLLOUT)) continue;
    readable(c);
    if (batches && c->head == c->tail) send_batch(c, now_ns());
  }
}

static int unanswered(void) {
  for (int i = 0; i < connection_count; i++) if (connections[i].head != connections[i].tail) return 1;
  return 0;
}

static void finish(void) {
  uint64_t until = now_ns() + PATIENCE_NS;
  while (unanswered()) {
    if (now_ns() > until) fail("answers are missing 5 s after the last request");
    serve_events(10000000, shape == FILL);
  }
}

static void closed_loop(void) {
  for (int i = 0; i < connection_count; i++) send_batch(&connections[i], now_ns());
  while (!is_over(now_ns())) serve_events(10000000, 1);
}

static void open_loop(double rate, uint64_t began) {
  double due = (double)began;
  int turn = 0;
  for (;;) {
    due += -log(1 - random_unit()) / rate * 1e9;
    if (due >= (double)deadline) return;
    uint64_t at = (uint64_t)due;
    for (uint64_t now = now_ns(); now < at; now = now_ns()) serve_events(at - now > SPIN_NS ? (int64_t)(at - now - SPIN_NS) : 0, 0);
    /* Behind its times it still reads, or answers would look late that are not. */
    if (turn % 8 == 0) serve_events(0, 0);
    struct connection *c = &connections[turn++ % connection_count];
    add_request(c, at);
    flush(c);
  }
}

static void open_connections(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  connections = calloc((size_t)connection_count, sizeof *connections);
  epoll_fd = epoll_create1(0);
  if (!connections || epoll_fd < 0) fail("epoll_create1");
  for (int i = 0; i < connection_count; i++) {
    struct connection *c = &connections[i];
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes)) fail("setsockopt");
    c->out_size = READ;
    if (!(c->out = malloc(c->out_size))) fail("malloc");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll_ctl");
  }
  /* From here on none may block. */
  for (int i = 0; i < connection_count; i++) {
    if (fcntl(connections[i].fd, F_SETFL, O_NONBLOCK)) fail("fcntl");
  }
}

int main(int count, char **words) {
  static const char *shapes[] = {"fill", "get", "set", "mixed", "mg"};
  if (count != 8) fail("expected PORT SHAPE CONNECTIONS DEPTH SECONDS SEED RATE");
  for (shape = FILL; shape <= MG && strcmp(shapes[shape], words[2]); shape++);
  if (shape > MG) fail("SHAPE: expected fill, get, set, mixed or mg");
  connection_count = atoi(words[3]);
  depth = atoi(words[4]);
  double seconds = atof(words[5]), rate = atof(words[7]);
  if (connection_count < 1 || depth < 1 || depth > 1024 || seconds <= 0) fail("CONNECTIONS, DEPTH, SECONDS: expected at least 1, 1 to 1,024, above 0");
  random_state = 0x9e3779b97f4a7c15ull;
  for (int i = 0; i < POOL; i++) pool[i] = (char)('a' + random64() % 26);
  random_state ^= strtoull(words[6], NULL, 10) * 0xbf58476d1ce4e5b9ull;
  if (random_state == 0) random_state = 1;
  open_connections(atoi(words[1]));

  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  uint64_t began = now_ns();
  deadline = began + (uint64_t)(seconds * 1e9);
  late_counts = rate > 0 || shape == FILL;
  if (rate > 0) open_loop(rate, began);
  else closed_loop();
  uint64_t until = shape == FILL ? 0 : deadline;
  finish();
  if (shape == FILL) until = now_ns();
  getrusage(RUSAGE_SELF, &after);
  int64_t cpu_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000ll +
                   (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec);
  printf("measured %llu %llu %llu %llu %llu %lld\n", (unsigned long long)counted, (unsigned long long)((until - began) / 1000),
         (unsigned long long)quantile(.5), (unsigned long long)quantile(.99), (unsigned long long)quantile(.999), (long long)cpu_us);
  return 0;
}
