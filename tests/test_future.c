/* test_future.c - futures, composites and chains, without a broker
 *
 * What is tried here needs a reactor at most.  Futures that use a handle are
 * the subject of test_rpc.c.
 */
#include "flux.h"
#include "tap.h"

static flux_reactor_t *reactor;
static int destroyed;

static void count_destroyed(void *arg)
{
    (void)arg;
    destroyed++;
}

static int turn(void)
{
    return flux_reactor_run(reactor, FLUX_REACTOR_NOWAIT);
}

static flux_future_t *future_new(void)
{
    flux_future_t *f = flux_future_create(NULL, NULL);
    flux_future_set_reactor(f, reactor);
    return f;
}

static const char *text_of(flux_future_t *f)
{
    const void *result = NULL;
    return flux_future_get(f, &result) < 0 ? NULL : result;
}

static int error_of(flux_future_t *f)
{
    return flux_future_get(f, NULL) < 0 ? errno : 0;
}

static void count_calls(flux_future_t *f, void *arg)
{
    (void)f;
    ++*(int *)arg;
}

static void count_and_reset(flux_future_t *f, void *arg)
{
    ++*(int *)arg;
    flux_future_reset(f);
}

static void count_and_destroy(flux_future_t *f, void *arg)
{
    ++*(int *)arg;
    flux_future_destroy(f);
}

/* ---- one future --------------------------------------------------------- */

static void test_bad_arguments(void)
{
    errno = 0;
    ok(flux_future_wait_for(NULL, 0.) < 0 && errno == EINVAL,
       "wait_for refuses NULL");
    errno = 0;
    ok(flux_future_then(NULL, -1., count_calls, NULL) < 0 && errno == EINVAL,
       "then refuses NULL");
    errno = 0;
    ok(flux_future_get(NULL, NULL) < 0 && errno == EINVAL, "so does get");
    ok(!flux_future_is_ready(NULL) && !flux_future_has_error(NULL) &&
           !flux_future_error_string(NULL),
       "NULL is not ready and has no error");
    errno = EXDEV;
    flux_future_destroy(NULL);
    is_int(errno, EXDEV, "destroy accepts NULL and keeps errno");
}

static void test_no_context(void)
{
    flux_future_t *f = flux_future_create(NULL, NULL);
    int calls = 0;
    errno = 0;
    ok(!flux_future_get_reactor(f) && errno == EINVAL,
       "a new future has no reactor");
    errno = 0;
    ok(!flux_future_get_flux(f) && errno == EINVAL, "and no handle");
    ok(flux_future_then(f, -1., count_calls, &calls) < 0, "so then fails");
    errno = 0;
    ok(flux_future_wait_for(f, -1.) < 0 && errno == EDEADLK,
       "waiting for ever would be a deadlock");
    flux_future_destroy(f);
}

static void test_value(void)
{
    flux_future_t *f = future_new();
    errno = 0;
    ok(flux_future_wait_for(f, 0.) < 0 && errno == ETIMEDOUT,
       "wait_for 0 times out");
    errno = 0;
    ok(flux_future_wait_for(f, 0.001) < 0 && errno == ETIMEDOUT,
       "wait_for 1 ms times out");
    ok(!flux_future_is_ready(f), "the future is not fulfilled by that");
    destroyed = 0;
    flux_future_fulfill(f, "value", count_destroyed);
    ok(flux_future_is_ready(f) && !flux_future_has_error(f),
       "fulfil makes it ready");
    is_str(text_of(f), "value", "get returns the value");
    is_str(text_of(f), "value", "any number of times");
    is_int(flux_future_wait_for(f, 0.), 0, "wait_for 0 now succeeds");
    flux_future_reset(f);
    ok(destroyed == 1 && !flux_future_is_ready(f), "reset destroys it");
    flux_future_fulfill(f, NULL, NULL);
    ok(flux_future_get(f, NULL) == 0, "NULL is a value, too");
    flux_future_destroy(f);
}

static void test_error(void)
{
    char longer[1000];
    flux_future_t *f = future_new();
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    ok(!flux_future_error_string(f), "an unfulfilled one has no error text");
    flux_future_fulfill_error(f, ENOENT, NULL);
    is_int(error_of(f), ENOENT, "get fails with the error");
    is_str(flux_future_error_string(f), flux_strerror(ENOENT),
           "whose text is that of its number");
    flux_future_reset(f);
    flux_future_fulfill_error(f, EPERM, longer);
    is_str(flux_future_error_string(f), longer, "a text may have any length");
    is_str(future_strerror(f, EIO), longer, "future_strerror prefers it");
    flux_future_destroy(f);
}

static void test_order(void)
{
    flux_future_t *f = future_new();
    flux_future_fulfill(f, "one", NULL);
    flux_future_fulfill_error(f, ENOENT, NULL);
    flux_future_fulfill(f, "two", NULL);
    is_str(text_of(f), "one", "the first result comes first");
    flux_future_reset(f);
    is_int(error_of(f), ENOENT, "then the second");
    flux_future_reset(f);
    is_str(text_of(f), "two", "then the third");
    destroyed = 0;
    flux_future_fulfill(f, "three", count_destroyed);
    flux_future_fatal_error(f, EPERM, "fatal");
    flux_future_fatal_error(f, ENOENT, "second");
    is_int(error_of(f), EPERM, "the first fatal error comes before all");
    is_str(flux_future_error_string(f), "fatal", "with its text");
    flux_future_fulfill(f, "four", count_destroyed);
    is_int(destroyed, 1, "a value after it is dropped");
    flux_future_reset(f);
    is_int(error_of(f), EPERM, "reset does not take it away");
    flux_future_destroy(f);
    is_int(destroyed, 2, "destroy destroys what was waiting");
}

static void test_aux(void)
{
    flux_future_t *f = future_new();
    destroyed = 0;
    ok(flux_future_aux_set(f, "key", "value", count_destroyed) == 0 &&
           flux_future_aux_set(f, NULL, "value", count_destroyed) == 0,
       "aux_set works with a name and without");
    is_str(flux_future_aux_get(f, "key"), "value", "aux_get finds it");
    errno = 0;
    ok(!flux_future_aux_get(f, "other") && errno == ENOENT, "or not: ENOENT");
    errno = 0;
    ok(flux_future_aux_set(NULL, "key", "value", NULL) < 0 && errno == EINVAL,
       "aux_set refuses NULL");
    errno = 0;
    ok(flux_future_aux_set(f, NULL, "value", NULL) < 0 && errno == EINVAL,
       "and what could be neither found nor destroyed");
    flux_future_destroy(f);
    is_int(destroyed, 2, "both are destroyed with the future");
}

/* ---- continuations ------------------------------------------------------ */

static void test_then(void)
{
    flux_future_t *f = future_new();
    int calls = 0;
    ok(flux_future_then(f, -1., count_calls, &calls) == 0, "then works");
    is_int(turn(), 0, "an unfulfilled future keeps no reactor running");
    flux_future_fulfill(f, NULL, NULL);
    is_int(calls, 0, "fulfil does not call the continuation");
    turn();
    is_int(calls, 1, "the reactor does, in its next turn");
    flux_future_fulfill(f, NULL, NULL);
    is_int(turn(), 0, "nothing is active after that");
    is_int(calls, 1, "once for each result");
    flux_future_reset(f);
    is_int(flux_reactor_run(reactor, 0), 0, "the reactor ends by itself");
    is_int(calls, 2, "after running it for the second");
    flux_future_then(f, -1., count_calls, &calls);
    turn();
    is_int(calls, 3, "then on a fulfilled future runs it again");
    flux_future_destroy(f);
}

static void test_then_reset_and_destroy(void)
{
    flux_future_t *f = future_new();
    int calls = 0;
    int i;
    flux_future_then(f, -1., count_and_reset, &calls);
    for (i = 0; i < 3; i++)
        flux_future_fulfill(f, NULL, NULL);
    is_int(flux_reactor_run(reactor, 0), 0, "a continuation may reset");
    is_int(calls, 3, "and is called for each queued result");
    flux_future_fatal_error(f, EPERM, NULL);
    is_int(flux_reactor_run(reactor, 0), 0, "the reactor ends");
    is_int(calls, 4, "after a single call for a fatal error");
    flux_future_destroy(f);
    f = future_new();
    flux_future_then(f, -1., count_and_destroy, &calls);
    flux_future_fulfill(f, NULL, NULL);
    flux_reactor_run(reactor, 0);
    is_int(calls, 5, "a continuation may destroy");
    f = future_new();
    flux_future_then(f, -1., count_calls, &calls);
    flux_future_fulfill(f, NULL, NULL);
    flux_future_destroy(f);
    is_int(flux_reactor_run(reactor, 0), 0, "destroyed before its turn");
    is_int(calls, 5, "a future runs nothing");
}

static void test_many(void)
{
    enum { MANY = 1000 };
    flux_future_t *f[MANY];
    int calls = 0;
    int i;
    for (i = 0; i < MANY; i++) {
        f[i] = future_new();
        flux_future_then(f[i], -1., count_calls, &calls);
        flux_future_fulfill(f[i], NULL, NULL);
    }
    turn();
    is_int(calls, MANY, "a thousand continuations run in one turn");
    for (i = 0; i < MANY; i++)
        flux_future_destroy(f[i]);
}

static void expect_timeouts(flux_future_t *f, void *arg)
{
    int *left = arg;
    if (error_of(f) == ETIMEDOUT && --*left > 0)
        flux_future_reset(f);
}

static void test_timeout(void)
{
    flux_future_t *f = future_new();
    int left = 3;
    int calls = 0;
    ok(flux_future_then(f, 0.001, expect_timeouts, &left) == 0,
       "then takes a timeout");
    flux_reactor_run(reactor, 0);
    is_int(left, 0, "it fulfils with ETIMEDOUT, and again after each reset");
    flux_future_destroy(f);
    f = future_new();
    flux_future_then(f, 60., count_calls, &calls);
    ok(turn() > 0, "a timeout keeps the reactor running");
    flux_future_fulfill(f, NULL, NULL);
    is_int(flux_reactor_run(reactor, 0), 0, "until the future is fulfilled");
    is_int(calls, 1, "which it was");
    flux_future_destroy(f);
}

/* ---- init --------------------------------------------------------------- */

static void
timer_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r, (void)w, (void)revents;
    flux_future_fulfill(arg, "timer", NULL);
}

static void destroy_watcher(void *arg)
{
    flux_watcher_destroy(arg);
}

static void timer_init(flux_future_t *f, void *arg)
{
    flux_watcher_t *w;
    ++*(int *)arg;
    w = flux_timer_watcher_create(flux_future_get_reactor(f), 0.001, 0.,
                                  timer_cb, f);
    flux_future_aux_set(f, NULL, w, destroy_watcher);
    flux_watcher_start(w);
}

static void test_init(void)
{
    int inits = 0;
    int calls = 0;
    flux_future_t *f = flux_future_create(timer_init, &inits);
    is_int(inits, 0, "init is not called at once");
    is_str(text_of(f), "timer", "get runs it in a reactor of its own");
    is_int(inits, 1, "once");
    flux_future_destroy(f);
    f = flux_future_create(timer_init, &inits);
    flux_future_set_reactor(f, reactor);
    flux_future_then(f, -1., count_calls, &calls);
    is_int(inits, 2, "then calls it");
    is_int(flux_reactor_run(reactor, 0), 0, "in the given reactor");
    is_int(calls, 1, "which fulfils the future");
    flux_future_destroy(f);
}

static void nothing_init(flux_future_t *f, void *arg)
{
    (void)f, (void)arg;
}

static void test_wait_without_watchers(void)
{
    flux_future_t *f = flux_future_create(nothing_init, NULL);
    errno = 0;
    ok(flux_future_get(f, NULL) < 0 && errno == EDEADLK,
       "get fails when nothing is left that could fulfil");
    flux_future_destroy(f);
}

static void test_reactor_goes_first(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_future_t *f = flux_future_create(NULL, NULL);
    int calls = 0;
    flux_future_set_reactor(f, r);
    flux_future_then(f, 60., count_calls, &calls);
    flux_reactor_destroy(r);
    flux_future_fulfill(f, NULL, NULL);
    flux_future_destroy(f);
    ok(1, "a future may outlive the user's reference on its reactor");
}

/* ---- fulfil with -------------------------------------------------------- */

static void test_fulfill_with(void)
{
    flux_future_t *f = future_new();
    flux_future_t *p = future_new();
    flux_future_t *x = future_new();
    errno = 0;
    ok(flux_future_fulfill_with(f, f) < 0 && errno == EINVAL,
       "a future cannot fulfil itself");
    errno = 0;
    ok(flux_future_fulfill_with(f, p) < 0 && errno == EAGAIN,
       "nor an unfulfilled one another");
    destroyed = 0;
    flux_future_aux_set(p, "key", "aux", count_destroyed);
    flux_future_fulfill(p, "one", count_destroyed);
    is_int(flux_future_fulfill_with(f, p), 0, "a fulfilled one can");
    errno = 0;
    ok(flux_future_fulfill_with(f, x) < 0 && errno == EEXIST,
       "but then no other");
    flux_future_reset(p);
    is_str(text_of(f), "one", "the result outlives a reset of its source");
    flux_future_fulfill_error(p, EFAULT, "two");
    flux_future_fulfill_with(f, p);
    flux_future_destroy(p);
    is_str(flux_future_aux_get(f, "key"), "aux", "as the aux does");
    flux_future_reset(f);
    is_int(destroyed, 1, "until this one is reset, too");
    is_str(flux_future_error_string(f), "two", "an error comes over as well");
    flux_future_destroy(f);
    is_int(destroyed, 2, "the source goes with the last who refers to it");
    flux_future_destroy(x);
}

/* ---- composites --------------------------------------------------------- */

static void fulfill_init(flux_future_t *f, void *arg)
{
    int errnum = *(int *)arg;
    if (errnum)
        flux_future_fulfill_error(f, errnum, "child");
    else
        flux_future_fulfill(f, NULL, NULL);
}

static void test_push(void)
{
    flux_future_t *all = flux_future_wait_all_create();
    flux_future_t *f = flux_future_create(NULL, NULL);
    flux_future_t *g = flux_future_create(NULL, NULL);
    errno = 0;
    ok(flux_future_push(all, "x", NULL) < 0 && errno == EINVAL,
       "push refuses NULL");
    errno = 0;
    ok(flux_future_push(f, "x", g) < 0 && errno == EINVAL,
       "and what is no composite");
    ok(!flux_future_first_child(all), "an empty one has no first child");
    is_int(flux_future_push(all, "x", f), 0, "push works");
    errno = 0;
    ok(flux_future_push(all, "x", g) < 0 && errno == EEXIST,
       "a name can be given once");
    is_int(flux_future_push(all, NULL, g), 0, "or none");
    is_str(flux_future_first_child(all), "x", "children come in order");
    ok(flux_future_get_child(all, flux_future_next_child(all)) == g,
       "an unnamed one has a name");
    ok(!flux_future_next_child(all), "then the list ends");
    errno = 0;
    ok(!flux_future_get_child(all, "y") && errno == ENOENT,
       "get_child tells what is not there");
    destroyed = 0;
    flux_future_aux_set(f, NULL, f, count_destroyed);
    flux_future_destroy(all);
    is_int(destroyed, 1, "children are destroyed with the composite");
}

static void test_wait_any(int errnum)
{
    flux_future_t *any = flux_future_wait_any_create();
    flux_future_t *never = flux_future_create(nothing_init, NULL);
    flux_future_t *now = flux_future_create(fulfill_init, &errnum);
    flux_future_push(any, "never", never);
    flux_future_push(any, "now", now);
    is_int(flux_future_wait_for(any, 5.), 0, "wait_any needs one child");
    is_int(error_of(any), errnum, "and has that child's error");
    ok(flux_future_is_ready(now) && !flux_future_is_ready(never),
       "the other is still open");
    flux_future_destroy(any);
}

static void test_wait_all(void)
{
    flux_future_t *all = flux_future_wait_all_create();
    flux_future_t *later = flux_future_create(nothing_init, NULL);
    int errnum = EPERM;
    int calls = 0;
    flux_future_push(all, "later", later);
    flux_future_push(all, "now", flux_future_create(fulfill_init, &errnum));
    errno = 0;
    ok(flux_future_wait_for(all, 0.001) < 0 && errno == ETIMEDOUT,
       "wait_all needs all children");
    flux_future_fulfill(later, NULL, NULL);
    is_int(flux_future_wait_for(all, 5.), 0, "the wait can be taken up again");
    is_int(error_of(all), EPERM, "a child's error is its own");
    is_str(flux_future_error_string(all), "child", "with its text");
    flux_future_set_reactor(all, reactor);
    flux_future_then(all, -1., count_calls, &calls);
    turn();
    is_int(calls, 1, "then runs when get did");
    flux_future_destroy(all);
    all = flux_future_wait_all_create();
    is_int(flux_future_get(all, NULL), 0, "an empty one is fulfilled");
    flux_future_destroy(all);
}

static void test_composite_both_contexts(void)
{
    flux_future_t *all = flux_future_wait_all_create();
    int inits = 0;
    int calls = 0;
    flux_future_push(all, "never", flux_future_create(NULL, NULL));
    flux_future_push(all, "t", flux_future_create(timer_init, &inits));
    ok(flux_future_wait_for(all, 0.01) < 0, "a wait that times out");
    flux_future_set_reactor(all, reactor);
    flux_future_then(all, -1., count_calls, &calls);
    flux_future_fulfill(flux_future_get_child(all, "never"), NULL, NULL);
    is_int(flux_reactor_run(reactor, 0), 0, "can go on in a reactor");
    is_int(calls, 1, "where the composite is fulfilled");
    flux_future_destroy(all);
}

/* ---- chains ------------------------------------------------------------- */

static void append_continue(flux_future_t *prev, void *arg)
{
    flux_future_t *f = flux_future_create(NULL, NULL);
    char *text = arg;
    strcat(text, text_of(prev));
    flux_future_fulfill(f, "+", NULL);
    flux_future_continue(prev, f);
    flux_future_destroy(prev);
}

static void test_chain(void)
{
    char text[32] = "";
    flux_future_t *f1 = flux_future_create(NULL, NULL);
    flux_future_t *f2 = flux_future_and_then(f1, append_continue, text);
    flux_future_t *f3 = flux_future_and_then(f2, append_continue, text);
    flux_future_fulfill(f1, "start", NULL);
    is_str(text_of(f3), "+", "a chain of three is fulfilled");
    is_str(text, "start+", "in order");
    flux_future_destroy(f3);
}

static void test_chain_error(void)
{
    char text[32] = "";
    flux_future_t *f1 = flux_future_create(NULL, NULL);
    flux_future_t *f2 = flux_future_and_then(f1, append_continue, text);
    flux_future_t *f3 = flux_future_and_then(f2, append_continue, text);
    flux_future_aux_set(f1, NULL, f1, count_destroyed);
    destroyed = 0;
    flux_future_fulfill_error(f1, EPERM, "first");
    is_int(error_of(f3), EPERM, "an error goes through the chain");
    is_str(flux_future_error_string(f3), "first", "with its text");
    is_str(text, "", "and no callback runs");
    flux_future_destroy(f3);
    is_int(destroyed, 1, "its members are destroyed with the last");
}

static void recover(flux_future_t *prev, void *arg)
{
    *(int *)arg = error_of(prev);
    flux_future_fulfill_next(prev, "recovered", NULL);
    flux_future_destroy(prev);
}

static void fail_next(flux_future_t *prev, void *arg)
{
    (void)arg;
    flux_future_continue_error(prev, EBUSY, "told");
    flux_future_destroy(prev);
}

static void test_chain_or_then(void)
{
    int errnum = 0;
    flux_future_t *f1 = flux_future_create(NULL, NULL);
    flux_future_t *f2 = flux_future_and_then(f1, fail_next, NULL);
    ok(flux_future_or_then(f1, recover, &errnum) == f2,
       "and_then and or_then return the same future");
    flux_future_fulfill_error(f1, EPERM, NULL);
    is_str(text_of(f2), "recovered", "or_then may fulfil the next");
    is_int(errnum, EPERM, "having seen the error");
    flux_future_destroy(f2);
    f1 = flux_future_create(NULL, NULL);
    f2 = flux_future_and_then(f1, fail_next, NULL);
    flux_future_fulfill(f1, NULL, NULL);
    is_int(error_of(f2), EBUSY, "and_then may fail it");
    is_str(flux_future_error_string(f2), "told", "with a text");
    errno = 0;
    ok(flux_future_fulfill_next(f2, NULL, NULL) < 0 && errno == EINVAL,
       "the last one has no next");
    flux_future_destroy(f2);
}

static void test_chain_ownership(void)
{
    int calls = 0;
    flux_future_t *f1 = future_new();
    flux_future_t *f2 = flux_future_and_then(f1, count_calls, &calls);
    destroyed = 0;
    flux_future_aux_set(f1, NULL, f1, count_destroyed);
    flux_future_fulfill(f1, "same", NULL);
    is_str(text_of(f2), "same", "without continue the result is the same");
    flux_future_destroy(f2);
    is_int(destroyed, 1, "what the callback left is destroyed");
    f1 = future_new();
    f2 = flux_future_and_then(f1, count_and_destroy, &calls);
    flux_future_aux_set(f1, NULL, f1, count_destroyed);
    flux_future_fulfill(f1, "same", NULL);
    is_str(text_of(f2), "same", "the callback may destroy instead");
    flux_future_destroy(f2);
    is_int(destroyed, 2, "and it is destroyed once");
    f1 = future_new();
    f2 = flux_future_and_then(f1, count_calls, &calls);
    flux_future_aux_set(f1, NULL, f1, count_destroyed);
    flux_future_then(f2, -1., count_calls, &calls);
    flux_future_destroy(f2);
    is_int(destroyed, 3, "one that never ran goes with the next");
    f1 = future_new();
    f2 = flux_future_and_then(f1, count_calls, &calls);
    flux_future_destroy(f1);
    is_int(error_of(f2), EINVAL, "the next one fails without it");
    flux_future_destroy(f2);
}

static void continue_at_third(flux_future_t *f, void *arg)
{
    int *calls = arg;
    flux_future_continue(f, ++*calls == 3 ? f : NULL);
    flux_future_reset(f);
}

static void test_chain_many_results(void)
{
    int calls = 0;
    flux_future_t *f1 = flux_future_create(NULL, NULL);
    flux_future_t *f2 = flux_future_and_then(f1, continue_at_third, &calls);
    flux_future_fulfill(f1, "one", NULL);
    flux_future_fulfill(f1, "two", NULL);
    flux_future_fulfill(f1, "three", NULL);
    is_str(text_of(f2), "three", "continue NULL waits for another result");
    is_int(calls, 3, "the callback ran for each");
    flux_future_destroy(f2);
    flux_future_destroy(f1);
}

static flux_future_t *stream;

static void continue_stream(flux_future_t *prev, void *arg)
{
    (void)arg;
    flux_future_continue(prev, stream);
    flux_future_destroy(prev);
}

static void test_chain_stream(void)
{
    int calls = 0;
    flux_future_t *f1 = future_new();
    flux_future_t *f2 = flux_future_and_then(f1, continue_stream, NULL);
    stream = flux_future_create(NULL, NULL);
    flux_future_then(f2, -1., count_and_reset, &calls);
    flux_future_fulfill(f1, NULL, NULL);
    turn();
    flux_future_fulfill(stream, "a", NULL);
    flux_future_fulfill(stream, "b", NULL);
    is_int(flux_reactor_run(reactor, 0), 0, "a continued future goes on");
    is_int(calls, 2, "to fulfil the next one");
    flux_future_destroy(f2);
}

int main(void)
{
    reactor = flux_reactor_create(0);
    test_bad_arguments();
    test_no_context();
    test_value();
    test_error();
    test_order();
    test_aux();
    test_then();
    test_then_reset_and_destroy();
    test_many();
    test_timeout();
    test_init();
    test_wait_without_watchers();
    test_reactor_goes_first();
    test_fulfill_with();
    test_push();
    test_wait_any(0);
    test_wait_any(EPERM);
    test_wait_all();
    test_composite_both_contexts();
    test_chain();
    test_chain_error();
    test_chain_or_then();
    test_chain_ownership();
    test_chain_many_results();
    test_chain_stream();
    flux_reactor_destroy(reactor);
    return done();
}
