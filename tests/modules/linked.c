/* linked.c - a module that tells whose functions it calls
 *
 * It is linked with the two libraries.  `linked.whose` answers with whether
 * the functions of flux.h and json.h that it calls are those of the program
 * that has loaded it.
 */
#include <dlfcn.h>

#include <flux/core.h>
#include <jansson.h>

static bool is_programs(const char *name, void *function)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    bool same = program && dlsym(program, name) == function;

    if (program)
        dlclose(program);
    return same;
}

static void
whose(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)arg;
    flux_respond_pack(h, msg, "{s:b s:b}", "flux",
                      is_programs("flux_open", (void *)flux_open), "json",
                      is_programs("json_true", (void *)json_true));
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "linked.whose", whose, FLUX_ROLE_USER},
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main(flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **mh;
    int rc;

    (void)argc;
    (void)argv;
    if (flux_msg_handler_addvec(h, handlers, NULL, &mh) < 0)
        return -1;
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
