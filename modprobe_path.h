/* modprobe_path.h - where modprobe's TOML and rc files are looked for */
#ifndef MODPROBE_PATH_H
#define MODPROBE_PATH_H

#include "modprobe.h"

/* Read modprobe.toml and modprobe.d/(all).toml into the model.  Errors name
 * the file.  With `verbose` each place and file is told on stdout.
 */
int modprobe_path_load(struct modprobe *mp, bool verbose, flux_error_t *e);

/* The rc files for `rc` ("rc1"), in the order in which they are run: a new
 * array of absolute paths.  *replaced tells whether there is an rc1.py among
 * them, which says itself what is to be loaded.
 */
json_t *
modprobe_path_rc(const char *rc, bool verbose, bool *replaced, flux_error_t *e);

/* Programs in rc1.d of each folder in FLUX_RC_EXTRA: a new array of paths. */
json_t *modprobe_path_scripts(const char *rc, bool verbose, flux_error_t *e);

/* Whether any of the above finds a file. */
bool modprobe_path_any(const char *rc);

#endif /* MODPROBE_PATH_H */
