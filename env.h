/* env.h - where commands and modules are looked for
 *
 * See flux-environment(7).  Results are new memory that the caller frees, or
 * NULL with errno.
 */
#ifndef ENV_H
#define ENV_H

#include <stdbool.h>
#include <stddef.h>

/* Give this process the environment that commands, modules and the initial
 * program find: PATH, FLUX_EXEC_PATH, FLUX_MODULE_PATH, MANPATH, PYTHONPATH.
 * Doing so again, here or in a child, changes nothing more.
 */
int env_setup(void);

/* i-th name of a variable that env_setup() sets or that goes with those
 * (FLUX_URI), NULL past the last.
 */
const char *env_name(int i);

/* The values for FLUX_EXEC_PATH, FLUX_MODULE_PATH, MANPATH and PATH. */
char *env_exec_path(void);
char *env_module_path(void);
char *env_man_path(void);
/* PYTHONPATH: this executable, which carries the package `flux`, in front. */
char *env_python_path(void);
char *env_program_path(void);

/* Folder of our own programs; PREFIX/tail, where that folder is PREFIX/bin. */
char *env_bin(void);
char *env_installed(const char *tail);

#define ENV_EXEC_TAIL "libexec/busyflux/cmd"
#define ENV_MODULE_TAIL "lib/flux/modules"
#define ENV_MAN_TAIL "share/man"
#define ENV_DATA_TAIL "share/flux"
#define ENV_CONF_TAIL "etc/flux"
#define ENV_LIBEXEC_TAIL "libexec/flux"

/* First executable file `name` in the folders of `path`, a list with colons,
 * empty ones left out; `path` may be NULL.  ENOENT if there is none.
 */
char *env_find(const char *path, const char *name);

/* The next folder in *path, which moves on behind it; false at the end. */
bool env_next(const char **path, const char **folder, size_t *len);

/* Whether both name the same file, through links. */
bool env_same_file(const char *a, const char *b);

#endif /* ENV_H */
