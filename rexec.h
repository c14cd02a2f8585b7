/* rexec.h - run commands for clients (the builtin module rexec, RFC 42) */
#ifndef REXEC_H
#define REXEC_H

#include "module.h"

/* The row for module_set_add_builtin(). */
struct module_builtin rexec_builtin(struct router *router);

#endif /* REXEC_H */
