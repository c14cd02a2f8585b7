/* prometheus.h - counters of modules in the text that Prometheus scrapes */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include "buf.h"
#include "modstats.h"

/* Add metrics of `n` modules, each with its rank. */
void prometheus_add(struct buf *b, const struct modstats *mods, size_t n);

#endif /* PROMETHEUS_H */
