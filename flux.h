/* flux.h - the C interface of a Flux broker module, installed as flux/core.h
 *
 * Names, types, constants and layouts are those that Flux publishes, so that
 * a module's source compiles unchanged against either and its compiled file
 * loads into either.  The meaning of each function is given by Flux's own
 * section 3 manual pages; what is said here is only what a reader of our
 * sources needs: who owns what, and how failure is told.
 *
 * Unless it says otherwise, a function returns 0 or a pointer on success and
 * -1 or NULL with errno set on failure.  A `_destroy` or `_decref` accepts
 * NULL and keeps errno.  Times are seconds.
 */
#ifndef FLUX_CORE_H
#define FLUX_CORE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <syslog.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#define FLUX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define FLUX_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- types ---------------------------------------------------------- */

typedef void (*flux_free_f)(void *arg);

typedef struct {
    char text[160];
} flux_error_t;

typedef struct flux_msg flux_msg_t;
typedef struct flux_handle flux_t;
typedef struct flux_watcher flux_watcher_t;
typedef struct flux_reactor flux_reactor_t;
typedef struct flux_future flux_future_t;
typedef struct flux_conf flux_conf_t;
typedef struct flux_msg_handler flux_msg_handler_t;

/* ---- version (RFC: x.y.z of the Flux release whose interface this is) - */

#define FLUX_CORE_VERSION_STRING "0.88.0"
#define FLUX_CORE_VERSION_MAJOR 0
#define FLUX_CORE_VERSION_MINOR 88
#define FLUX_CORE_VERSION_PATCH 0
#define FLUX_CORE_VERSION_HEX                                           \
    ((FLUX_CORE_VERSION_MAJOR << 16) | (FLUX_CORE_VERSION_MINOR << 8) | \
     (FLUX_CORE_VERSION_PATCH << 0))

const char *flux_core_version_string(void);
int flux_core_version(int *major, int *minor, int *patch);

/* ---- messages (RFC 3) ------------------------------------------------ */

enum {
    FLUX_MSGTYPE_REQUEST = 0x01,
    FLUX_MSGTYPE_RESPONSE = 0x02,
    FLUX_MSGTYPE_EVENT = 0x04,
    FLUX_MSGTYPE_CONTROL = 0x08,
    FLUX_MSGTYPE_ANY = 0x0f,
    FLUX_MSGTYPE_MASK = 0x0f,
};

enum {
    FLUX_MSGFLAG_TOPIC = 0x01,
    FLUX_MSGFLAG_PAYLOAD = 0x02,
    FLUX_MSGFLAG_NORESPONSE = 0x04,
    FLUX_MSGFLAG_ROUTE = 0x08,
    FLUX_MSGFLAG_UPSTREAM = 0x10,
    FLUX_MSGFLAG_PRIVATE = 0x20,
    FLUX_MSGFLAG_STREAMING = 0x40,
    FLUX_MSGFLAG_USER1 = 0x80,
};

enum {
    FLUX_NODEID_ANY = 0xFFFFFFFF,
    FLUX_NODEID_UPSTREAM = 0xFFFFFFFE, /* in the RPC functions only */
};

enum { FLUX_USERID_UNKNOWN = 0xFFFFFFFF };
enum { FLUX_MATCHTAG_NONE = 0 };

enum {
    FLUX_ROLE_NONE = 0,
    FLUX_ROLE_OWNER = 1,
    FLUX_ROLE_USER = 2,
    FLUX_ROLE_LOCAL = 4,
    FLUX_ROLE_ADMIN = 8,
    FLUX_ROLE_ALL = 0xFFFFFFFF,
};
#define FLUX_ROLE_PRIVILEGED (FLUX_ROLE_OWNER | FLUX_ROLE_ADMIN)

struct flux_match {
    int typemask;
    uint32_t matchtag;
    const char *topic_glob;
};

struct flux_msg_cred {
    uint32_t userid;
    uint32_t rolemask;
};

struct flux_match
flux_match_init(int typemask, uint32_t matchtag, const char *topic_glob);
void flux_match_free(struct flux_match m);
int flux_match_asprintf(struct flux_match *m, const char *topic_glob_fmt, ...)
    FLUX_PRINTF(2, 3);

#define FLUX_MATCH_ANY \
    flux_match_init(FLUX_MSGTYPE_ANY, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_EVENT \
    flux_match_init(FLUX_MSGTYPE_EVENT, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_REQUEST \
    flux_match_init(FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_RESPONSE \
    flux_match_init(FLUX_MSGTYPE_RESPONSE, FLUX_MATCHTAG_NONE, NULL)

flux_msg_t *flux_msg_create(int type);
void flux_msg_destroy(flux_msg_t *msg);
flux_msg_t *flux_msg_copy(const flux_msg_t *msg, bool payload);
const flux_msg_t *flux_msg_incref(const flux_msg_t *msg);
void flux_msg_decref(const flux_msg_t *msg);

int flux_msg_aux_set(const flux_msg_t *msg,
                     const char *name,
                     void *aux,
                     flux_free_f destroy);
void *flux_msg_aux_get(const flux_msg_t *msg, const char *name);

/* The encoded form is what a frame holds behind its magic and length. */
ssize_t flux_msg_encode_size(const flux_msg_t *msg);
int flux_msg_encode(const flux_msg_t *msg, void *buf, size_t size);
flux_msg_t *flux_msg_decode(const void *buf, size_t size);

int flux_msg_set_type(flux_msg_t *msg, int type);
int flux_msg_get_type(const flux_msg_t *msg, int *type);
int flux_msg_set_private(flux_msg_t *msg);
bool flux_msg_is_private(const flux_msg_t *msg);
int flux_msg_set_streaming(flux_msg_t *msg);
bool flux_msg_is_streaming(const flux_msg_t *msg);
int flux_msg_set_noresponse(flux_msg_t *msg);
bool flux_msg_is_noresponse(const flux_msg_t *msg);
bool flux_msg_has_flag(const flux_msg_t *msg, int flag);
int flux_msg_set_flag(flux_msg_t *msg, int flag);
int flux_msg_clear_flag(flux_msg_t *msg, int flag);

/* Setters copy; getters return memory that the message owns. */
int flux_msg_set_topic(flux_msg_t *msg, const char *topic);
int flux_msg_get_topic(const flux_msg_t *msg, const char **topic);
int flux_msg_set_payload(flux_msg_t *msg, const void *buf, size_t size);
int flux_msg_get_payload(const flux_msg_t *msg, const void **buf, size_t *size);
bool flux_msg_has_payload(const flux_msg_t *msg);
int flux_msg_set_string(flux_msg_t *msg, const char *s);
int flux_msg_get_string(const flux_msg_t *msg, const char **s);
int flux_msg_pack(flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vpack(flux_msg_t *msg, const char *fmt, va_list ap);
int flux_msg_unpack(const flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vunpack(const flux_msg_t *msg, const char *fmt, va_list ap);
const char *flux_msg_last_error(const flux_msg_t *msg); /* "" if none */

int flux_msg_set_nodeid(flux_msg_t *msg, uint32_t nodeid);
int flux_msg_get_nodeid(const flux_msg_t *msg, uint32_t *nodeid);
int flux_msg_set_userid(flux_msg_t *msg, uint32_t userid);
int flux_msg_get_userid(const flux_msg_t *msg, uint32_t *userid);
int flux_msg_set_rolemask(flux_msg_t *msg, uint32_t rolemask);
int flux_msg_get_rolemask(const flux_msg_t *msg, uint32_t *rolemask);
int flux_msg_get_cred(const flux_msg_t *msg, struct flux_msg_cred *cred);
int flux_msg_set_cred(flux_msg_t *msg, struct flux_msg_cred cred);
int flux_msg_cred_authorize(struct flux_msg_cred cred, uint32_t userid);
int flux_msg_authorize(const flux_msg_t *msg, uint32_t userid);
bool flux_msg_is_local(const flux_msg_t *msg);
int flux_msg_set_errnum(flux_msg_t *msg, int errnum);
int flux_msg_get_errnum(const flux_msg_t *msg, int *errnum);
int flux_msg_set_seq(flux_msg_t *msg, uint32_t seq);
int flux_msg_get_seq(const flux_msg_t *msg, uint32_t *seq);
int flux_msg_set_control(flux_msg_t *msg, int type, int status);
int flux_msg_get_control(const flux_msg_t *msg, int *type, int *status);
int flux_msg_set_matchtag(flux_msg_t *msg, uint32_t matchtag);
int flux_msg_get_matchtag(const flux_msg_t *msg, uint32_t *matchtag);
bool flux_msg_cmp_matchtag(const flux_msg_t *msg, uint32_t matchtag);
bool flux_msg_cmp(const flux_msg_t *msg, struct flux_match match);

void flux_msg_fprint(FILE *f, const flux_msg_t *msg);
void flux_msg_fprint_ts(FILE *f, const flux_msg_t *msg, double timestamp);
const char *flux_msg_typestr(int type);

void flux_msg_route_enable(flux_msg_t *msg);
void flux_msg_route_disable(flux_msg_t *msg);
void flux_msg_route_clear(flux_msg_t *msg);
int flux_msg_route_push(flux_msg_t *msg, const char *id);
int flux_msg_route_delete_last(flux_msg_t *msg);
const char *flux_msg_route_first(const flux_msg_t *msg); /* pushed first */
const char *flux_msg_route_last(const flux_msg_t *msg);  /* pushed last */
int flux_msg_route_count(const flux_msg_t *msg);
char *flux_msg_route_string(const flux_msg_t *msg); /* caller frees */
bool flux_msg_route_match_first(const flux_msg_t *msg1, const flux_msg_t *msg2);

/* A list takes a reference on what is added; pop hands it to the caller. */
struct flux_msglist *flux_msglist_create(void);
void flux_msglist_destroy(struct flux_msglist *l);
int flux_msglist_push(struct flux_msglist *l, const flux_msg_t *msg);
int flux_msglist_append(struct flux_msglist *l, const flux_msg_t *msg);
void flux_msglist_delete(struct flux_msglist *l); /* at cursor */
const flux_msg_t *flux_msglist_pop(struct flux_msglist *l);
const flux_msg_t *flux_msglist_first(struct flux_msglist *l);
const flux_msg_t *flux_msglist_next(struct flux_msglist *l);
const flux_msg_t *flux_msglist_last(struct flux_msglist *l);
int flux_msglist_count(struct flux_msglist *l);

/* ---- requests, responses, events, control messages (RFC 6) ----------- */

int flux_request_decode(const flux_msg_t *msg,
                        const char **topic,
                        const char **s);
int flux_request_unpack(const flux_msg_t *msg,
                        const char **topic,
                        const char *fmt,
                        ...);
int flux_request_decode_raw(const flux_msg_t *msg,
                            const char **topic,
                            const void **data,
                            size_t *len);
flux_msg_t *flux_request_encode(const char *topic, const char *s);
flux_msg_t *
flux_request_encode_raw(const char *topic, const void *data, size_t len);

/* Decoding a response that carries an errnum fails with that errno. */
int flux_response_decode(const flux_msg_t *msg,
                         const char **topic,
                         const char **s);
int flux_response_decode_raw(const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len);
int flux_response_decode_error(const flux_msg_t *msg, const char **errstr);
flux_msg_t *flux_response_encode(const char *topic, const char *s);
flux_msg_t *
flux_response_encode_raw(const char *topic, const void *data, size_t len);
flux_msg_t *
flux_response_encode_error(const char *topic, int errnum, const char *errstr);
flux_msg_t *flux_response_derive(const flux_msg_t *request, int errnum);

int flux_respond(flux_t *h, const flux_msg_t *request, const char *s);
int flux_respond_pack(flux_t *h,
                      const flux_msg_t *request,
                      const char *fmt,
                      ...);
int flux_respond_vpack(flux_t *h,
                       const flux_msg_t *request,
                       const char *fmt,
                       va_list ap);
int flux_respond_raw(flux_t *h,
                     const flux_msg_t *request,
                     const void *data,
                     int len);
int flux_respond_error(flux_t *h,
                       const flux_msg_t *request,
                       int errnum,
                       const char *errstr);

enum event_flags { FLUX_EVENT_PRIVATE = 1 };

int flux_event_subscribe(flux_t *h, const char *topic);
int flux_event_unsubscribe(flux_t *h, const char *topic);
flux_future_t *flux_event_subscribe_ex(flux_t *h, const char *topic, int flags);
flux_future_t *
flux_event_unsubscribe_ex(flux_t *h, const char *topic, int flags);
int flux_event_decode(const flux_msg_t *msg,
                      const char **topic,
                      const char **s);
int flux_event_unpack(const flux_msg_t *msg,
                      const char **topic,
                      const char *fmt,
                      ...);
int flux_event_decode_raw(const flux_msg_t *msg,
                          const char **topic,
                          const void **data,
                          size_t *len);
flux_msg_t *flux_event_encode(const char *topic, const char *s);
flux_msg_t *flux_event_pack(const char *topic, const char *fmt, ...);
flux_msg_t *
flux_event_encode_raw(const char *topic, const void *data, size_t len);
flux_future_t *
flux_event_publish(flux_t *h, const char *topic, int flags, const char *s);
flux_future_t *flux_event_publish_pack(
    flux_t *h, const char *topic, int flags, const char *fmt, ...);
flux_future_t *flux_event_publish_raw(
    flux_t *h, const char *topic, int flags, const void *data, size_t len);
int flux_event_publish_get_seq(flux_future_t *f, int *seq);

flux_msg_t *flux_control_encode(int type, int status);
int flux_control_decode(const flux_msg_t *msg, int *type, int *status);

bool flux_disconnect_match(const flux_msg_t *msg1, const flux_msg_t *msg2);
int flux_msglist_disconnect(struct flux_msglist *l, const flux_msg_t *msg);
bool flux_cancel_match(const flux_msg_t *msg1, const flux_msg_t *msg2);
int flux_msglist_cancel(flux_t *h,
                        struct flux_msglist *l,
                        const flux_msg_t *msg);

/* ---- handle ----------------------------------------------------------- */

typedef struct {
    int request_tx;
    int request_rx;
    int response_tx;
    int response_rx;
    int event_tx;
    int event_rx;
    int control_tx;
    int control_rx;
} flux_msgcounters_t;

typedef int (*flux_comms_error_f)(flux_t *h, void *arg);

enum {
    FLUX_O_TRACE = 1,
    FLUX_O_CLONE = 2,
    FLUX_O_NONBLOCK = 4,
    FLUX_O_MATCHDEBUG = 8,
    FLUX_O_TEST_NOSUB = 16,
    FLUX_O_RPCTRACK = 32,
    FLUX_O_NOREQUEUE = 64,
};

enum { FLUX_RQ_HEAD = 1, FLUX_RQ_TAIL = 2 };
enum { FLUX_POLLIN = 1, FLUX_POLLOUT = 2, FLUX_POLLERR = 4 };

#define FLUX_OPT_TESTING_USERID "flux::testing_userid"
#define FLUX_OPT_TESTING_ROLEMASK "flux::testing_rolemask"
#define FLUX_OPT_ROUTER_NAME "flux::router_name"
#define FLUX_OPT_SEND_QUEUE_COUNT "flux::send_queue_count"
#define FLUX_OPT_RECV_QUEUE_COUNT "flux::recv_queue_count"
#define FLUX_OPT_POLLFD_EVENTS "flux::pollfd_events"

flux_t *flux_open(const char *uri, int flags);
flux_t *flux_open_ex(const char *uri, int flags, flux_error_t *error);
void flux_close(flux_t *h);
flux_t *flux_clone(flux_t *orig);
flux_t *flux_incref(flux_t *h);
void flux_decref(flux_t *h);
int flux_reconnect(flux_t *h);

flux_reactor_t *flux_get_reactor(flux_t *h);
int flux_set_reactor(flux_t *h, flux_reactor_t *r);
const flux_conf_t *flux_get_conf(flux_t *h);
int flux_set_conf_new(flux_t *h, const flux_conf_t *conf); /* takes conf */
int flux_opt_set(flux_t *h, const char *option, const void *val, size_t len);
int flux_opt_get(flux_t *h, const char *option, void *val, size_t len);
void flux_comms_error_set(flux_t *h, flux_comms_error_f fun, void *arg);
void *flux_aux_get(flux_t *h, const char *name);
int flux_aux_set(flux_t *h, const char *name, void *aux, flux_free_f destroy);
void flux_flags_set(flux_t *h, int flags);
void flux_flags_unset(flux_t *h, int flags);
int flux_flags_get(flux_t *h);
uint32_t flux_matchtag_alloc(flux_t *h);
void flux_matchtag_free(flux_t *h, uint32_t matchtag);
uint32_t flux_matchtag_avail(flux_t *h);

int flux_send(flux_t *h, const flux_msg_t *msg, int flags);
int flux_send_new(flux_t *h, flux_msg_t **msg, int flags); /* takes *msg */
flux_msg_t *flux_recv(flux_t *h, struct flux_match match, int flags);
int flux_requeue(flux_t *h, const flux_msg_t *msg, int flags);
int flux_pollevents(flux_t *h);
int flux_pollfd(flux_t *h);
void flux_get_msgcounters(flux_t *h, flux_msgcounters_t *mcs);
void flux_clr_msgcounters(flux_t *h);

/* A connector: how a handle moves messages. */
struct flux_handle_ops {
    int (*setopt)(void *impl, const char *option, const void *val, size_t len);
    int (*getopt)(void *impl, const char *option, void *val, size_t len);
    int (*pollfd)(void *impl);
    int (*pollevents)(void *impl);
    int (*send)(void *impl, const flux_msg_t *msg, int flags);
    flux_msg_t *(*recv)(void *impl, int flags);
    int (*reconnect)(void *impl);
    void (*impl_destroy)(void *impl);
    int (*send_new)(void *impl, flux_msg_t **msg, int flags);
    void *_pad[4];
};
typedef flux_t *(connector_init_f)(const char *uri,
                                   int flags,
                                   flux_error_t *errp);
flux_t *
flux_handle_create(void *impl, const struct flux_handle_ops *ops, int flags);
void flux_handle_destroy(flux_t *h);

/* ---- reactor and watchers --------------------------------------------- */

enum { FLUX_REACTOR_NOWAIT = 1, FLUX_REACTOR_ONCE = 2 };

typedef void (*flux_watcher_f)(flux_reactor_t *r,
                               flux_watcher_t *w,
                               int revents,
                               void *arg);
typedef double (*flux_reschedule_f)(flux_watcher_t *w, double now, void *arg);

flux_reactor_t *flux_reactor_create(int flags);
void flux_reactor_destroy(flux_reactor_t *r);
void flux_reactor_incref(flux_reactor_t *r);
void flux_reactor_decref(flux_reactor_t *r);
int flux_reactor_run(flux_reactor_t *r, int flags);
void flux_reactor_stop(flux_reactor_t *r);
void flux_reactor_stop_error(flux_reactor_t *r);
double flux_reactor_now(flux_reactor_t *r);
void flux_reactor_now_update(flux_reactor_t *r);
double flux_reactor_time(void);

void flux_watcher_set_priority(flux_watcher_t *w, int priority);
void flux_watcher_start(flux_watcher_t *w);
void flux_watcher_stop(flux_watcher_t *w);
void flux_watcher_ref(flux_watcher_t *w);
void flux_watcher_unref(flux_watcher_t *w);
void flux_watcher_destroy(flux_watcher_t *w);
double flux_watcher_next_wakeup(flux_watcher_t *w);
bool flux_watcher_is_active(flux_watcher_t *w);
bool flux_watcher_is_referenced(flux_watcher_t *w);

flux_watcher_t *flux_handle_watcher_create(
    flux_reactor_t *r, flux_t *h, int events, flux_watcher_f cb, void *arg);
flux_t *flux_handle_watcher_get_flux(flux_watcher_t *w);
flux_watcher_t *flux_fd_watcher_create(
    flux_reactor_t *r, int fd, int events, flux_watcher_f cb, void *arg);
int flux_fd_watcher_get_fd(flux_watcher_t *w);
flux_watcher_t *flux_timer_watcher_create(flux_reactor_t *r,
                                          double after,
                                          double repeat,
                                          flux_watcher_f cb,
                                          void *arg);
void flux_timer_watcher_reset(flux_watcher_t *w, double after, double repeat);
void flux_timer_watcher_again(flux_watcher_t *w);
flux_watcher_t *flux_periodic_watcher_create(flux_reactor_t *r,
                                             double offset,
                                             double interval,
                                             flux_reschedule_f reschedule_cb,
                                             flux_watcher_f cb,
                                             void *arg);
void flux_periodic_watcher_reset(flux_watcher_t *w,
                                 double next_wakeup,
                                 double interval,
                                 flux_reschedule_f reschedule_cb);
flux_watcher_t *
flux_prepare_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg);
flux_watcher_t *
flux_check_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg);
flux_watcher_t *
flux_idle_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg);
flux_watcher_t *flux_signal_watcher_create(flux_reactor_t *r,
                                           int signum,
                                           flux_watcher_f cb,
                                           void *arg);
int flux_signal_watcher_get_signum(flux_watcher_t *w);
flux_watcher_t *flux_stat_watcher_create(flux_reactor_t *r,
                                         const char *path,
                                         double interval,
                                         flux_watcher_f cb,
                                         void *arg);
int flux_stat_watcher_get_rstat(flux_watcher_t *w,
                                struct stat *stat,
                                struct stat *prev);

/* ---- message handlers ------------------------------------------------- */

typedef void (*flux_msg_handler_f)(flux_t *h,
                                   flux_msg_handler_t *mh,
                                   const flux_msg_t *msg,
                                   void *arg);

struct flux_msg_handler_spec {
    int typemask;
    const char *topic_glob;
    flux_msg_handler_f cb;
    uint32_t rolemask;
};
#define FLUX_MSGHANDLER_TABLE_END \
    {                             \
        0, NULL, NULL, 0          \
    }

flux_msg_handler_t *flux_msg_handler_create(flux_t *h,
                                            const struct flux_match match,
                                            flux_msg_handler_f cb,
                                            void *arg);
void flux_msg_handler_destroy(flux_msg_handler_t *mh);
void flux_msg_handler_start(flux_msg_handler_t *mh);
void flux_msg_handler_stop(flux_msg_handler_t *mh);
void flux_msg_handler_allow_rolemask(flux_msg_handler_t *mh, uint32_t rolemask);
void flux_msg_handler_deny_rolemask(flux_msg_handler_t *mh, uint32_t rolemask);
int flux_msg_handler_addvec_ex(flux_t *h,
                               const char *service_name,
                               const struct flux_msg_handler_spec tab[],
                               void *arg,
                               flux_msg_handler_t **msg_handlers[]);
int flux_msg_handler_addvec(flux_t *h,
                            const struct flux_msg_handler_spec tab[],
                            void *arg,
                            flux_msg_handler_t **msg_handlers[]);
void flux_msg_handler_delvec(flux_msg_handler_t *msg_handlers[]);
int flux_dispatch_requeue(flux_t *h);
flux_watcher_t *flux_get_handle_watcher(flux_t *h);

int flux_register_default_methods(flux_t *h,
                                  const char *service_name,
                                  flux_msg_handler_t **msg_handlers[]);

/* ---- futures ----------------------------------------------------------- */

typedef void (*flux_continuation_f)(flux_future_t *f, void *arg);
typedef void (*flux_future_init_f)(flux_future_t *f, void *arg);

flux_future_t *flux_future_create(flux_future_init_f cb, void *arg);
void flux_future_destroy(flux_future_t *f);
void flux_future_incref(flux_future_t *f);
void flux_future_decref(flux_future_t *f);
int flux_future_then(flux_future_t *f,
                     double timeout,
                     flux_continuation_f cb,
                     void *arg);
int flux_future_wait_for(flux_future_t *f, double timeout);
bool flux_future_is_ready(flux_future_t *f);
void flux_future_reset(flux_future_t *f);
int flux_future_get(flux_future_t *f, const void **result);
void flux_future_fulfill(flux_future_t *f, void *result, flux_free_f free_fn);
void flux_future_fulfill_error(flux_future_t *f,
                               int errnum,
                               const char *errstr);
int flux_future_fulfill_with(flux_future_t *f, flux_future_t *p);
void flux_future_fatal_error(flux_future_t *f, int errnum, const char *errstr);
bool flux_future_has_error(flux_future_t *f);
const char *flux_future_error_string(flux_future_t *f);
#define future_strerror(__f, __errno)                               \
    (flux_future_has_error((__f)) ? flux_future_error_string((__f)) \
                                  : flux_strerror((__errno)))
void *flux_future_aux_get(flux_future_t *f, const char *name);
int flux_future_aux_set(flux_future_t *f,
                        const char *name,
                        void *aux,
                        flux_free_f destroy);
void flux_future_set_flux(flux_future_t *f, flux_t *h);
flux_t *flux_future_get_flux(flux_future_t *f);
void flux_future_set_reactor(flux_future_t *f, flux_reactor_t *r);
flux_reactor_t *flux_future_get_reactor(flux_future_t *f);

flux_future_t *flux_future_wait_all_create(void);
flux_future_t *flux_future_wait_any_create(void);
int flux_future_push(flux_future_t *cf, const char *name, flux_future_t *f);
const char *flux_future_first_child(flux_future_t *cf);
const char *flux_future_next_child(flux_future_t *cf);
flux_future_t *flux_future_get_child(flux_future_t *cf, const char *name);

flux_future_t *
flux_future_and_then(flux_future_t *f, flux_continuation_f cb, void *arg);
flux_future_t *
flux_future_or_then(flux_future_t *f, flux_continuation_f cb, void *arg);
int flux_future_continue(flux_future_t *prev, flux_future_t *f);
void flux_future_continue_error(flux_future_t *prev,
                                int errnum,
                                const char *errstr);
int flux_future_fulfill_next(flux_future_t *prev,
                             void *result,
                             flux_free_f free_fn);

/* ---- remote procedure calls -------------------------------------------- */

enum { FLUX_RPC_NORESPONSE = 1, FLUX_RPC_STREAMING = 2 };

flux_future_t *flux_rpc(
    flux_t *h, const char *topic, const char *s, uint32_t nodeid, int flags);
flux_future_t *flux_rpc_pack(flux_t *h,
                             const char *topic,
                             uint32_t nodeid,
                             int flags,
                             const char *fmt,
                             ...);
flux_future_t *flux_rpc_vpack(flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              va_list ap);
flux_future_t *flux_rpc_raw(flux_t *h,
                            const char *topic,
                            const void *data,
                            size_t len,
                            uint32_t nodeid,
                            int flags);
flux_future_t *
flux_rpc_message(flux_t *h, const flux_msg_t *msg, uint32_t nodeid, int flags);
int flux_rpc_get(flux_future_t *f, const char **s);
int flux_rpc_get_unpack(flux_future_t *f, const char *fmt, ...);
int flux_rpc_get_raw(flux_future_t *f, const void **data, size_t *len);
uint32_t flux_rpc_get_matchtag(flux_future_t *f);
uint32_t flux_rpc_get_nodeid(flux_future_t *f);

/* ---- configuration ------------------------------------------------------ */

enum flux_conf_builtin_hint {
    FLUX_CONF_INSTALLED = 0,
    FLUX_CONF_INTREE = 1,
    FLUX_CONF_AUTO = 2,
};

flux_conf_t *flux_conf_create(void);
flux_conf_t *flux_conf_copy(const flux_conf_t *conf);
const flux_conf_t *flux_conf_incref(const flux_conf_t *conf);
void flux_conf_decref(const flux_conf_t *conf);
flux_conf_t *flux_conf_parse(const char *path, flux_error_t *error);
int flux_conf_update(flux_conf_t *conf, const char *value, flux_error_t *error);
int flux_conf_vunpack(const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      va_list ap);
int flux_conf_unpack(const flux_conf_t *conf,
                     flux_error_t *error,
                     const char *fmt,
                     ...);
flux_conf_t *flux_conf_vpack(const char *fmt, va_list ap);
flux_conf_t *flux_conf_pack(const char *fmt, ...);
const char *flux_conf_builtin_get(const char *key,
                                  enum flux_conf_builtin_hint hint);

/* ---- attributes, hosts, services, heartbeat ------------------------------ */

const char *flux_attr_get(flux_t *h, const char *name);
int flux_attr_set(flux_t *h, const char *name, const char *val);
int flux_attr_set_ex(flux_t *h,
                     const char *name,
                     const char *val,
                     bool force,
                     flux_error_t *errp);
int flux_attr_set_cacheonly(flux_t *h, const char *name, const char *val);
const char *flux_attr_cache_first(flux_t *h);
const char *flux_attr_cache_next(flux_t *h);
int flux_get_rank(flux_t *h, uint32_t *rank);
int flux_get_size(flux_t *h, uint32_t *size);
int flux_get_instance_starttime(flux_t *h, double *starttime);

flux_future_t *flux_service_register(flux_t *h, const char *name);
flux_future_t *flux_service_unregister(flux_t *h, const char *name);

flux_future_t *flux_sync_create(flux_t *h, double minimum);

/* Printable whatever the rank, "(null)" for one that there is not; lent for as
 * long as the handle lives.
 */
const char *flux_get_hostbyrank(flux_t *h, uint32_t rank);
int flux_get_rankbyhost(flux_t *h, const char *host); /* the lowest */

/* ---- metrics for a statsd server (FLUX_FRIPP_STATSD=HOST:PORT) ------------
 */

void flux_stats_count(flux_t *h, const char *name, ssize_t count);
void flux_stats_gauge_set(flux_t *h, const char *name, ssize_t value);
void flux_stats_gauge_inc(flux_t *h, const char *name, ssize_t inc);
void flux_stats_timing(flux_t *h, const char *name, double ms);
void flux_stats_set_period(flux_t *h, double period);
void flux_stats_set_prefix(flux_t *h, const char *fmt, ...) FLUX_PRINTF(2, 3);
bool flux_stats_enabled(flux_t *h, const char *metric);

/* ---- commands run by brokers (RFC 42) ------------------------------------ */

typedef struct flux_command flux_cmd_t;

/* `env` holds "NAME=VALUE"; the command has no other environment. */
flux_cmd_t *flux_cmd_create(int argc, char *argv[], char **env);
void flux_cmd_destroy(flux_cmd_t *cmd);
int flux_cmd_argv_append(flux_cmd_t *cmd, const char *arg);
/* EEXIST if the variable is there and is not to be overwritten. */
int flux_cmd_setenvf(flux_cmd_t *cmd,
                     int overwrite,
                     const char *name,
                     const char *fmt,
                     ...) FLUX_PRINTF(4, 5);
int flux_cmd_setcwd(flux_cmd_t *cmd, const char *cwd);

typedef struct flux_subprocess flux_subprocess_t;

typedef enum {
    FLUX_SUBPROCESS_INIT,
    FLUX_SUBPROCESS_RUNNING,
    FLUX_SUBPROCESS_EXITED,
    FLUX_SUBPROCESS_FAILED,
    FLUX_SUBPROCESS_STOPPED,
} flux_subprocess_state_t;

enum {
    FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH = 1,
    FLUX_SUBPROCESS_FLAGS_NO_SETPGRP = 2,
    FLUX_SUBPROCESS_FLAGS_FORK_EXEC = 4,
    FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF = 8,
    FLUX_SUBPROCESS_FLAGS_WAITABLE = 16,
    FLUX_SUBPROCESS_FLAGS_SIGN = 32,
};

typedef void (*flux_subprocess_f)(flux_subprocess_t *p);
typedef void (*flux_subprocess_output_f)(flux_subprocess_t *p,
                                         const char *stream);
typedef void (*flux_subprocess_state_f)(flux_subprocess_t *p,
                                        flux_subprocess_state_t state);
typedef void (*flux_subprocess_credit_f)(flux_subprocess_t *p,
                                         const char *stream,
                                         int bytes);
typedef void (*subprocess_log_f)(void *arg,
                                 const char *file,
                                 int line,
                                 const char *func,
                                 const char *subsys,
                                 int level,
                                 const char *fmt,
                                 va_list args);

typedef struct {
    flux_subprocess_f on_completion; /* ended, and all output was told */
    flux_subprocess_state_f on_state_change;
    flux_subprocess_output_f on_channel_out; /* never: there are none */
    flux_subprocess_output_f on_stdout;      /* a line came, or the end */
    flux_subprocess_output_f on_stderr;
    flux_subprocess_credit_f on_credit; /* never: there is no input */
} flux_subprocess_ops_t;

/* `ops` is copied.  Of the flags those that are about the process are passed
 * on, and LOCAL_UNBUF is honoured; EINVAL for others.
 */
flux_subprocess_t *flux_rexec(flux_t *h,
                              int rank,
                              int flags,
                              const flux_cmd_t *cmd,
                              const flux_subprocess_ops_t *ops);
flux_subprocess_t *flux_rexec_ex(flux_t *h,
                                 const char *service_name,
                                 int rank,
                                 int flags,
                                 const flux_cmd_t *cmd,
                                 const flux_subprocess_ops_t *ops,
                                 subprocess_log_f log_fn,
                                 void *log_data);
/* Also within its callbacks.  What still runs goes on running. */
void flux_subprocess_destroy(flux_subprocess_t *p);

/* How many bytes, which are lent until the next call for that stream and end
 * with a NUL: all there is, or a line (0: no whole one), with or without its
 * newline.
 */
int flux_subprocess_read(flux_subprocess_t *p,
                         const char *stream,
                         const char **bufp);
int flux_subprocess_read_line(flux_subprocess_t *p,
                              const char *stream,
                              const char **bufp);
int flux_subprocess_read_trimmed_line(flux_subprocess_t *p,
                                      const char *stream,
                                      const char **bufp);
bool flux_subprocess_read_stream_closed(flux_subprocess_t *p,
                                        const char *stream);

flux_future_t *flux_subprocess_kill(flux_subprocess_t *p, int signum);

flux_subprocess_state_t flux_subprocess_state(flux_subprocess_t *p);
const char *flux_subprocess_state_string(flux_subprocess_state_t state);
int flux_subprocess_rank(flux_subprocess_t *p);
pid_t flux_subprocess_pid(flux_subprocess_t *p);
int flux_subprocess_status(flux_subprocess_t *p); /* as waitpid(2) */
int flux_subprocess_exit_code(flux_subprocess_t *p);
int flux_subprocess_signaled(flux_subprocess_t *p);
int flux_subprocess_fail_errno(flux_subprocess_t *p);
const char *flux_subprocess_fail_error(flux_subprocess_t *p);
int flux_subprocess_aux_set(flux_subprocess_t *p,
                            const char *name,
                            void *ctx,
                            flux_free_f destroy);
void *flux_subprocess_aux_get(flux_subprocess_t *p, const char *name);

/* ---- log ------------------------------------------------------------------
 */

typedef void (*flux_log_f)(const char *buf, int len, void *arg);

void flux_log_set_appname(flux_t *h, const char *s);
void flux_log_set_procid(flux_t *h, const char *s);
void flux_log_set_hostname(flux_t *h, const char *s);
int flux_vlog(flux_t *h, int level, const char *fmt, va_list ap);
int flux_log(flux_t *h, int level, const char *fmt, ...) FLUX_PRINTF(3, 4);
void flux_log_verror(flux_t *h, const char *fmt, va_list ap);
void flux_log_error(flux_t *h, const char *fmt, ...) FLUX_PRINTF(2, 3);
#define FLUX_LOG_ERROR(h) \
    (void)flux_log_error((h), "%s::%d[%s]", __FILE__, __LINE__, __func__)
void flux_log_set_redirect(flux_t *h, flux_log_f fun, void *arg);
const char *flux_strerror(int errnum);
void flux_llog(void *arg,
               const char *file,
               int line,
               const char *func,
               const char *subsys,
               int level,
               const char *fmt,
               va_list ap);

/* ---- modules (RFC 5) -------------------------------------------------------
 */

#define MOD_NAME(x) const char *mod_name = x /* out of use */

bool flux_module_debug_test(flux_t *h, int flag, bool clear);
int flux_module_set_running(flux_t *h);
int flux_module_config_request_decode(const flux_msg_t *msg,
                                      flux_conf_t **conf);
int flux_module_initialize(flux_t *h, char **args, flux_error_t *error);
int flux_module_register_handlers(flux_t *h, flux_error_t *error);
int flux_module_finalize(flux_t *h, int errnum, flux_error_t *error);

#ifdef __cplusplus
}
#endif

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif /* FLUX_CORE_H */
