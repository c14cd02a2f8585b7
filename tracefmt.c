/* tracefmt.c - what the forms of flux module trace have in common
 *
 * Their table, the names of errors, and who is who in a message's routes.
 *
 * What always holds:
 * - Errors are shown by the name that errno.h has for them, in each form, so
 *   that a trace reads the same in every language.  Where two names are one
 *   number (EAGAIN, EWOULDBLOCK), the one that stands here is shown.
 * - The broker has pushed routes in this order when a module gets a request:
 *   the sender, then its connector if that is a client, then the broker; with
 *   a proxy, those that it passed before.  A module's own request has none
 *   when it comes from it.
 */
#include "tracefmt.h"

static const struct tracefmt *const formats[] = {
    &tracefmt_text, &tracefmt_json, &tracefmt_perfetto, &tracefmt_mermaid, NULL,
};

const struct tracefmt *tracefmt_find(const char *name)
{
    int i = 0;

    while (formats[i] && strcmp(formats[i]->name, name) != 0)
        i++;
    return formats[i];
}

#define ERROR_NAME(symbol) \
    {                      \
        symbol, #symbol    \
    }
static const struct {
    int errnum;
    const char *name;
} error_names[] = {
    ERROR_NAME(EPERM),
    ERROR_NAME(ENOENT),
    ERROR_NAME(ESRCH),
    ERROR_NAME(EINTR),
    ERROR_NAME(EIO),
    ERROR_NAME(ENXIO),
    ERROR_NAME(E2BIG),
    ERROR_NAME(ENOEXEC),
    ERROR_NAME(EBADF),
    ERROR_NAME(ECHILD),
    ERROR_NAME(EAGAIN),
    ERROR_NAME(ENOMEM),
    ERROR_NAME(EACCES),
    ERROR_NAME(EFAULT),
    ERROR_NAME(EBUSY),
    ERROR_NAME(EEXIST),
    ERROR_NAME(EXDEV),
    ERROR_NAME(ENODEV),
    ERROR_NAME(ENOTDIR),
    ERROR_NAME(EISDIR),
    ERROR_NAME(EINVAL),
    ERROR_NAME(ENFILE),
    ERROR_NAME(EMFILE),
    ERROR_NAME(ENOTTY),
    ERROR_NAME(ETXTBSY),
    ERROR_NAME(EFBIG),
    ERROR_NAME(ENOSPC),
    ERROR_NAME(ESPIPE),
    ERROR_NAME(EROFS),
    ERROR_NAME(EMLINK),
    ERROR_NAME(EPIPE),
    ERROR_NAME(EDOM),
    ERROR_NAME(ERANGE),
    ERROR_NAME(EDEADLK),
    ERROR_NAME(ENAMETOOLONG),
    ERROR_NAME(ENOLCK),
    ERROR_NAME(ENOSYS),
    ERROR_NAME(ENOTEMPTY),
    ERROR_NAME(ELOOP),
    ERROR_NAME(ENOMSG),
    ERROR_NAME(EIDRM),
    ERROR_NAME(ENOSTR),
    ERROR_NAME(ENODATA),
    ERROR_NAME(ETIME),
    ERROR_NAME(ENOSR),
    ERROR_NAME(ENOLINK),
    ERROR_NAME(EPROTO),
    ERROR_NAME(EMULTIHOP),
    ERROR_NAME(EBADMSG),
    ERROR_NAME(EOVERFLOW),
    ERROR_NAME(EILSEQ),
    ERROR_NAME(ENOTSOCK),
    ERROR_NAME(EDESTADDRREQ),
    ERROR_NAME(EMSGSIZE),
    ERROR_NAME(EPROTOTYPE),
    ERROR_NAME(ENOPROTOOPT),
    ERROR_NAME(EOPNOTSUPP),
    ERROR_NAME(EPROTONOSUPPORT),
    ERROR_NAME(EAFNOSUPPORT),
    ERROR_NAME(EADDRINUSE),
    ERROR_NAME(ENETDOWN),
    ERROR_NAME(EADDRNOTAVAIL),
    ERROR_NAME(ENETUNREACH),
    ERROR_NAME(ENETRESET),
    ERROR_NAME(ECONNABORTED),
    ERROR_NAME(ECONNRESET),
    ERROR_NAME(ENOBUFS),
    ERROR_NAME(EISCONN),
    ERROR_NAME(ENOTCONN),
    ERROR_NAME(ETIMEDOUT),
    ERROR_NAME(ECONNREFUSED),
    ERROR_NAME(EHOSTUNREACH),
    ERROR_NAME(EALREADY),
    ERROR_NAME(EINPROGRESS),
    ERROR_NAME(ESTALE),
    ERROR_NAME(EDQUOT),
    ERROR_NAME(ECANCELED),
    ERROR_NAME(EOWNERDEAD),
    ERROR_NAME(ENOTRECOVERABLE),
    {0, NULL},
};

const char *tracefmt_error(int errnum, char buf[32])
{
    int i = 0;

    while (error_names[i].name && error_names[i].errnum != errnum)
        i++;
    if (error_names[i].name)
        return error_names[i].name;
    snprintf(buf, 32, "errno %d", errnum);
    return buf;
}

const char *tracefmt_route(const struct tracefmt_record *r, size_t i)
{
    return json_string_value(json_array_get(r->routes, i));
}

const char *tracefmt_sender(const struct tracefmt_record *r)
{
    const char *first = tracefmt_route(r, 0);

    return first ? first : r->uuid;
}

void tracefmt_stranger(const struct tracefmt_record *r, char name[64])
{
    enum { MODULE_ROUTES = 2 }; /* itself and the broker */
    bool module = json_array_size(r->routes) == MODULE_ROUTES;

    snprintf(name, 64, "%s %.8s", module ? "module" : "client",
             tracefmt_sender(r));
}
