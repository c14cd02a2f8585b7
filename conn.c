/* conn.c - one framed connection over a stream socket
 *
 * In: a read goes into a scratch buffer on the stack, and, in front of it,
 * into what is missing of a frame that had begun.  Its first message is made
 * at once; the bytes of those behind it wait until they are asked for, so
 * that one message is gone before the next is made, and memory goes round.
 * The beginning of a frame that is not all there is kept in what will be the
 * body of its message.  That grows with what has arrived, never because of a
 * length that the peer claims.
 *
 * Out: a row of chunks.  Small frames are written one behind the other into a
 * chunk of the conn's own.  A large payload is not copied: its chunk holds a
 * reference on the body, between one that ends with the frame's head and one
 * that begins with its tail.  A frame that many connections get is encoded by
 * their owner, and a chunk holds a reference on it.
 *
 * What always holds:
 * - A frame's head is in one chunk as a whole, so that the frames that have
 *   been written can be counted by their lengths.
 * - Queueing a message does all of it or, without memory, nothing.
 * - An error on the way in is kept and comes after the good messages in front
 *   of it; nothing is read behind it.
 * - With nothing queued and no partial frame, the conn holds no buffer.
 * - Nobody gets SIGPIPE from a socket.
 */
#include "conn.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

enum {
    SCRATCH_SIZE = 32 * 1024, /* one read; fits the stack of any thread */
    CHUNK_SIZE = 8 * 1024,    /* of small frames: some 50 of them */
    CHUNK_FIRST = 1024,       /* the only one of most connections */
    SHARE_MIN = 4 * 1024,     /* a payload of that size is not copied */
    IOV_COUNT = 64,           /* chunks in one writev(2) */
    PARTIAL_AHEAD = 4, /* times what is there of a frame is held for it */
};

/* Bytes to be written: its own, or the payload of a body. */
struct chunk {
    struct list link;
    struct msg_body *body; /* or NULL */
    const unsigned char *data;
    size_t start; /* what is in front of it has been written */
    size_t end;
    size_t capacity; /* of `own`; 0 if nothing may be added */
    unsigned char own[];
};

/* The beginning of a frame. */
struct partial {
    struct msg_body *body; /* or NULL */
    size_t size;
    size_t whole; /* size of the frame, 0 until its prefix is there */
};

/* Bytes behind the messages in `in`.  If there are any, a whole frame is the
 * first.
 */
struct rest {
    unsigned char *data;
    size_t start;
    size_t end;
    size_t frame; /* size of the first */
};

struct conn {
    int fd;
    bool is_socket; /* until a write says that it is none */
    bool shielded;  /* see conn_shield() */
    struct partial partial;
    struct list in;
    struct rest rest;
    int in_error; /* errno that ends the input, 0 while it is good */
    struct list out;
    size_t out_bytes;
    size_t out_messages;
    size_t frame_left; /* unwritten bytes of a frame that is partly written */
    struct conn_counters counters;
};

/* ---- life --------------------------------------------------------------- */

struct conn *conn_create(int fd)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->fd = fd;
    c->is_socket = true;
    list_init(&c->in);
    list_init(&c->out);
    return c;
}

static void chunk_destroy(struct chunk *k)
{
    list_remove(&k->link);
    msg_body_decref(k->body);
    free(k);
}

static struct chunk *first_chunk(const struct conn *c)
{
    return LIST_ENTRY(c->out.next, struct chunk, link);
}

static flux_msg_t *take_message(struct conn *c)
{
    flux_msg_t *msg = LIST_ENTRY(c->in.next, flux_msg_t, link);

    list_remove(&msg->link);
    return msg;
}

static void partial_release(struct partial *p)
{
    msg_body_decref(p->body);
    *p = (struct partial){0};
}

void conn_destroy(struct conn *c)
{
    int saved = errno;

    if (!c)
        return;
    while (!list_empty(&c->in))
        flux_msg_decref(take_message(c));
    free(c->rest.data);
    while (!list_empty(&c->out))
        chunk_destroy(first_chunk(c));
    partial_release(&c->partial);
    close(c->fd);
    free(c);
    errno = saved;
}

int conn_fd(const struct conn *c)
{
    return c->fd;
}

/* ---- in ----------------------------------------------------------------- */

/* What decoding a frame has made of it. */
static flux_msg_t *check_message(struct conn *c, flux_msg_t *msg)
{
    if (msg)
        c->counters.messages_in++;
    else
        c->in_error = errno;
    return msg;
}

static void accept_message(struct conn *c, flux_msg_t *msg)
{
    if (msg)
        list_append(&c->in, &msg->link);
}

static size_t partial_room(const struct partial *p)
{
    return p->body ? p->body->size - p->size : 0;
}

/* Hold some times as many bytes as have arrived, up to the frame's end. */
static int partial_grow(struct partial *p, size_t arrived)
{
    size_t whole = p->whole > 0 ? p->whole : MSG_PREFIX_SIZE;
    bool ends = arrived > whole / PARTIAL_AHEAD;
    struct msg_body *body =
        msg_body_resize(p->body, ends ? whole : arrived * PARTIAL_AHEAD);

    if (!body)
        return -1;
    p->body = body;
    return 0;
}

static size_t partial_missing(const struct partial *p)
{
    return (p->whole > 0 ? p->whole : MSG_PREFIX_SIZE) - p->size;
}

/* Look at a partial frame that has got more bytes. */
static void partial_check(struct conn *c)
{
    struct partial *p = &c->partial;
    size_t size;

    if (p->whole == 0 && p->size >= MSG_PREFIX_SIZE) {
        if (msg_decode_prefix(p->body->data, &size) < 0)
            c->in_error = errno;
        else
            p->whole = MSG_PREFIX_SIZE + size;
    }
    if (p->whole > 0 && p->size == p->whole) {
        accept_message(
            c, check_message(
                   c, msg_decode_body(p->body, MSG_PREFIX_SIZE, p->size)));
        partial_release(p);
    }
}

/* Keep bytes of a frame that is not all there; how many of them. */
static size_t partial_add(struct conn *c, const unsigned char *data, size_t n)
{
    struct partial *p = &c->partial;
    size_t missing = partial_missing(p);

    if (n > missing)
        n = missing;
    if (partial_room(p) < n && partial_grow(p, p->size + n) < 0) {
        c->in_error = ENOMEM;
        return 0;
    }
    memcpy(p->body->data + p->size, data, n);
    p->size += n;
    partial_check(c);
    return n;
}

/* The size of the first frame if it is all there, or 0. */
static size_t whole_frame(struct conn *c, const unsigned char *data, size_t n)
{
    size_t size;

    if (n < MSG_PREFIX_SIZE)
        return 0;
    if (msg_decode_prefix(data, &size) < 0) {
        c->in_error = errno;
        return 0;
    }
    if (size > n - MSG_PREFIX_SIZE) {
        c->partial.whole = MSG_PREFIX_SIZE + size;
        return 0;
    }
    return MSG_PREFIX_SIZE + size;
}

static flux_msg_t *
decode_frame(struct conn *c, const unsigned char *data, size_t size)
{
    return check_message(
        c, msg_decode(data + MSG_PREFIX_SIZE, size - MSG_PREFIX_SIZE));
}

/* Take frames, and the beginning of one, until `most` bytes or more have been
 * used or an error comes; how many were used.
 */
static size_t
feed(struct conn *c, const unsigned char *data, size_t n, size_t most)
{
    size_t done = 0;

    while (done < n && done < most && c->in_error == 0) {
        const unsigned char *at = data + done;
        size_t used = 0;

        if (c->partial.size == 0 && (used = whole_frame(c, at, n - done)) > 0)
            accept_message(c, decode_frame(c, at, used));
        else if (c->in_error == 0)
            used = partial_add(c, at, n - done);
        done += used;
    }
    return done;
}

/* Keep what begins with a whole frame; without memory, -1. */
static int rest_keep(struct conn *c, const unsigned char *data, size_t n)
{
    struct rest *r = &c->rest;

    if (!(r->data = malloc(n)))
        return -1;
    memcpy(r->data, data, n);
    r->start = 0;
    r->end = n;
    return 0;
}

/* What was read, of which one message is going to be asked for at once. */
static void accept_bytes(struct conn *c, const unsigned char *data, size_t n)
{
    size_t done = feed(c, data, n, 1);

    if (done < n && c->partial.size == 0 && c->in_error == 0)
        c->rest.frame = whole_frame(c, data + done, n - done);
    if (c->rest.frame == 0 || rest_keep(c, data + done, n - done) < 0) {
        c->rest.frame = 0;
        feed(c, data + done, n - done, SIZE_MAX);
    }
}

static void rest_release(struct conn *c)
{
    free(c->rest.data);
    c->rest = (struct rest){0};
}

/* Messages of all that is kept, before more is read. */
static void rest_unpack(struct conn *c)
{
    struct rest *r = &c->rest;

    if (!r->data)
        return;
    feed(c, r->data + r->start, r->end - r->start, SIZE_MAX);
    rest_release(c);
}

/* The next message of what is kept; NULL with c->in_error. */
static flux_msg_t *rest_next(struct conn *c)
{
    struct rest *r = &c->rest;
    const unsigned char *first = r->data + r->start;
    flux_msg_t *msg = decode_frame(c, first, r->frame);

    r->start += r->frame;
    if (msg)
        r->frame = whole_frame(c, first + r->frame, r->end - r->start);
    if (!msg || r->frame == 0)
        rest_unpack(c);
    return msg;
}

/* How many bytes to read straight behind the partial frame. */
static size_t direct_room(struct conn *c)
{
    struct partial *p = &c->partial;

    if (p->whole == 0)
        return 0;
    if (partial_room(p) == 0)
        partial_grow(p, p->size);
    return partial_room(p);
}

void conn_shield(struct conn *c)
{
    c->shielded = true;
}

static int hold_cancellation(const struct conn *c)
{
    int state = PTHREAD_CANCEL_ENABLE;

    if (c->shielded)
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

static void allow_cancellation(const struct conn *c, int state)
{
    if (c->shielded)
        pthread_setcancelstate(state, NULL);
}

static ssize_t read_some(struct conn *c, unsigned char *scratch, size_t room)
{
    struct iovec iov[2];
    int count = 0;
    int state;
    ssize_t n;

    if (room > 0) {
        iov[count].iov_base = c->partial.body->data + c->partial.size;
        iov[count++].iov_len = room;
    }
    iov[count].iov_base = scratch;
    iov[count++].iov_len = SCRATCH_SIZE;
    state = hold_cancellation(c);
    do
        n = count == 1 ? read(c->fd, scratch, SCRATCH_SIZE)
                       : readv(c->fd, iov, count);
    while (n < 0 && errno == EINTR);
    allow_cancellation(c, state);
    if (n == 0) {
        errno = ECONNRESET;
        return -1;
    }
    return n;
}

/* As conn_read().  `full`: as much came as there was room for. */
static int read_once(struct conn *c, bool *full)
{
    unsigned char scratch[SCRATCH_SIZE];
    size_t room;
    size_t direct;
    ssize_t n;

    room = c->partial.size > 0 ? direct_room(c) : 0;
    n = read_some(c, scratch, room);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    *full = (size_t)n == room + SCRATCH_SIZE;
    c->counters.bytes_in += (uint64_t)n;
    direct = (size_t)n < room ? (size_t)n : room;
    if (direct > 0) {
        c->partial.size += direct;
        partial_check(c);
    }
    accept_bytes(c, scratch, (size_t)n - direct);
    return 1;
}

/* Where a large frame has begun, its rest is most likely there. */
int conn_read(struct conn *c)
{
    bool full = false;
    int rc;

    rest_unpack(c);
    if (c->in_error) {
        errno = c->in_error;
        return -1;
    }
    rc = read_once(c, &full);
    if (full && !c->in_error && c->partial.whole > SCRATCH_SIZE)
        read_once(c, &full);
    return rc;
}

flux_msg_t *conn_next(struct conn *c)
{
    flux_msg_t *msg = NULL;

    if (!list_empty(&c->in))
        return take_message(c);
    if (c->rest.data && (msg = rest_next(c)))
        return msg;
    errno = c->in_error ? c->in_error : EAGAIN;
    return NULL;
}

bool conn_ready(const struct conn *c)
{
    return !list_empty(&c->in) || c->rest.data || c->in_error != 0;
}

/* Whole frames among bytes that begin with one. */
static size_t count_whole(const unsigned char *data, size_t n)
{
    size_t count = 0;
    size_t size;

    while (n >= MSG_PREFIX_SIZE && msg_decode_prefix(data, &size) == 0 &&
           size <= n - MSG_PREFIX_SIZE) {
        count++;
        data += MSG_PREFIX_SIZE + size;
        n -= MSG_PREFIX_SIZE + size;
    }
    return count;
}

size_t conn_in_messages(const struct conn *c)
{
    const struct rest *r = &c->rest;
    size_t count =
        r->data ? count_whole(r->data + r->start, r->end - r->start) : 0;
    struct list *l, *following;

    LIST_FOREACH(&c->in, l, following)
    count++;
    return count;
}

/* ---- out ---------------------------------------------------------------- */

static struct chunk *chunk_create(size_t capacity)
{
    struct chunk *k = malloc(sizeof(*k) + capacity);

    if (!k)
        return NULL;
    list_init(&k->link);
    k->body = NULL;
    k->data = k->own;
    k->start = 0;
    k->end = 0;
    k->capacity = capacity;
    return k;
}

/* A new chunk of which `size` bytes are going to be used at once. */
static struct chunk *chunk_for(size_t size, size_t usual)
{
    usual -= sizeof(struct chunk);
    return chunk_create(size > usual ? size : usual);
}

/* The last chunk if it has room for `size` more bytes of frames, else NULL. */
static struct chunk *last_with_room(const struct conn *c, size_t size)
{
    struct chunk *k = LIST_ENTRY(c->out.prev, struct chunk, link);

    if (list_empty(&c->out) || k->capacity < k->end + size)
        return NULL;
    return k;
}

static void chunk_append(struct conn *c, struct chunk *k)
{
    if (list_empty(&k->link))
        list_append(&c->out, &k->link);
}

/* A buf over the free end of a chunk, for the encoders, that never grows. */
static struct buf chunk_buf(struct chunk *k)
{
    struct buf b = {k->own, k->end, k->capacity, false};

    return b;
}

static struct chunk *chunk_with_room(const struct conn *c, size_t size)
{
    struct chunk *k = last_with_room(c, size);

    if (k)
        return k;
    return chunk_for(size, list_empty(&c->out) ? CHUNK_FIRST : CHUNK_SIZE);
}

static int queue_small(struct conn *c, const flux_msg_t *msg, size_t size)
{
    struct chunk *k = chunk_with_room(c, size);
    struct buf b;

    if (!k)
        return -1;
    b = chunk_buf(k);
    msg_encode_to(msg, &b);
    k->end = b.size;
    chunk_append(c, k);
    return 0;
}

static struct chunk *
chunk_of_body(struct msg_body *body, const void *data, size_t size)
{
    struct chunk *k = chunk_create(0);

    if (!k)
        return NULL;
    k->body = msg_body_incref(body);
    k->data = data;
    k->end = size;
    return k;
}

/* A frame as three chunks, of which the first may be there already. */
static int queue_large(struct conn *c, const flux_msg_t *msg, size_t size)
{
    size_t head_size = size - msg->payload_size - MSG_TAIL_SIZE;
    struct chunk *last = last_with_room(c, head_size);
    struct chunk *head = last ? last : chunk_for(head_size, CHUNK_FIRST);
    struct chunk *payload =
        chunk_of_body(msg->body, msg->payload, msg->payload_size);
    struct chunk *tail = chunk_for(MSG_TAIL_SIZE, CHUNK_FIRST);
    struct buf b;

    if (!head || !payload || !tail) {
        if (head && head != last)
            chunk_destroy(head);
        if (payload)
            chunk_destroy(payload);
        free(tail);
        errno = ENOMEM;
        return -1;
    }
    b = chunk_buf(head);
    msg_encode_head(msg, &b);
    head->end = b.size;
    b = chunk_buf(tail);
    msg_encode_tail(msg, &b);
    tail->end = b.size;
    chunk_append(c, head);
    chunk_append(c, payload);
    chunk_append(c, tail);
    return 0;
}

static int check_size(size_t size)
{
    if (size - MSG_PREFIX_SIZE <= MSG_SIZE_MAX)
        return 0;
    errno = EMSGSIZE;
    return -1;
}

static void queued(struct conn *c, size_t size)
{
    c->out_bytes += size;
    c->out_messages++;
}

bool conn_copies(const flux_msg_t *msg)
{
    return msg->payload_size < SHARE_MIN;
}

int conn_queue(struct conn *c, const flux_msg_t *msg)
{
    size_t size = msg_encoded_size(msg);
    int rc = check_size(size);

    if (rc == 0)
        rc = conn_copies(msg) ? queue_small(c, msg, size)
                              : queue_large(c, msg, size);
    if (rc == 0)
        queued(c, size);
    return rc;
}

/* Only the first one of some small ones is worth a chunk. */
int conn_queue_frame(struct conn *c, struct msg_body *frame)
{
    bool share = list_empty(&c->out) || frame->size >= SHARE_MIN;
    struct chunk *k;

    if (check_size(frame->size) < 0)
        return -1;
    k = share ? chunk_of_body(frame, frame->data, frame->size)
              : chunk_with_room(c, frame->size);
    if (!k)
        return -1;
    if (!share) {
        memcpy(k->own + k->end, frame->data, frame->size);
        k->end += frame->size;
    }
    chunk_append(c, k);
    queued(c, frame->size);
    return 0;
}

static int fill_iov(const struct conn *c, struct iovec *iov)
{
    struct list *l;
    struct list *following;
    int n = 0;

    LIST_FOREACH(&c->out, l, following)
    {
        struct chunk *k = LIST_ENTRY(l, struct chunk, link);

        if (n == IOV_COUNT)
            break;
        iov[n].iov_base = (void *)(k->data + k->start);
        iov[n++].iov_len = k->end - k->start;
    }
    return n;
}

static ssize_t send_iov(int fd, struct iovec *iov, int count)
{
    struct msghdr mh = {0};

    if (count == 1)
        return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    mh.msg_iov = iov;
    mh.msg_iovlen = (size_t)count;
    return sendmsg(fd, &mh, MSG_NOSIGNAL);
}

static ssize_t write_some(struct conn *c)
{
    struct iovec iov[IOV_COUNT];
    int count = fill_iov(c, iov);
    int state = hold_cancellation(c);
    ssize_t n = -1;

    if (c->is_socket)
        n = send_iov(c->fd, iov, count);
    if (n < 0 && errno == ENOTSOCK)
        c->is_socket = false;
    if (!c->is_socket)
        n = writev(c->fd, iov, count);
    allow_cancellation(c, state);
    return n;
}

/* `n` bytes of this chunk have been written: see which frames end in them. */
static void count_frames(struct conn *c, const struct chunk *k, size_t n)
{
    const unsigned char *p = k->data + k->start;

    while (n > 0) {
        size_t step;
        size_t size;

        if (c->frame_left == 0 && msg_decode_prefix(p, &size) == 0)
            c->frame_left = MSG_PREFIX_SIZE + size;
        step = n < c->frame_left ? n : c->frame_left;
        c->frame_left -= step;
        p += step;
        n -= step;
        if (c->frame_left == 0)
            c->out_messages--;
    }
}

static void written_in_part(struct conn *c, size_t n)
{
    while (n > 0) {
        struct chunk *k = first_chunk(c);
        size_t step = k->end - k->start;

        if (step > n)
            step = n;
        count_frames(c, k, step);
        k->start += step;
        n -= step;
        if (k->start == k->end)
            chunk_destroy(k);
    }
}

static void written_all(struct conn *c)
{
    while (!list_empty(&c->out))
        chunk_destroy(first_chunk(c));
    c->out_messages = 0;
    c->frame_left = 0;
}

static void written(struct conn *c, size_t n)
{
    size_t messages = c->out_messages;

    if (n == c->out_bytes)
        written_all(c);
    else
        written_in_part(c, n);
    c->out_bytes -= n;
    c->counters.bytes_out += n;
    c->counters.messages_out += messages - c->out_messages;
}

int conn_flush(struct conn *c)
{
    while (c->out_bytes > 0) {
        ssize_t n = write_some(c);

        if (n > 0)
            written(c, (size_t)n);
        else if (n == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
            return 1;
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

size_t conn_out_bytes(const struct conn *c)
{
    return c->out_bytes;
}

size_t conn_out_messages(const struct conn *c)
{
    return c->out_messages;
}

void conn_counters(const struct conn *c, struct conn_counters *counters)
{
    *counters = c->counters;
}
