/* modpath.h - from what someone asked to load to a file and a loader
 *
 * Results are new memory, or NULL with errno and a text in `e`.
 */
#ifndef MODPATH_H
#define MODPATH_H

#include "flux.h"
#include "json.h"

/* The loaders that we bring (flux-module-exec(1), flux-module-python-exec(1)),
 * by the names that --loader takes.
 */
#define MODPATH_EXEC "module-exec"
#define MODPATH_PYTHON_EXEC "module-python-exec"

/* "/a/b/name.so.0.0" and "/a/b/name.py" are `name`. */
char *modpath_name(const char *path);

/* NAME.so, else NAME.so.*, else NAME.py, in the first folder of
 * FLUX_MODULE_PATH that has any of them.
 */
char *modpath_search(const char *name, flux_error_t *e);

/* The loader's name that goes with a file's suffix; NULL if none does. */
const char *modpath_loader(const char *path);

/* The words that start a loader: those of `wrap` (an array, or NULL), the
 * first looked up on PATH, then the loader, then the path of the module.
 * `loader` is a path, or a name NAME for the program flux-NAME on
 * FLUX_EXEC_PATH, among our own, or on PATH.
 */
json_t *modpath_command(json_t *wrap,
                        const char *loader,
                        const char *path,
                        flux_error_t *e);

#endif /* MODPATH_H */
