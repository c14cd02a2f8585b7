/* codec.h - what codec.c offers beyond the published shorthands */
#ifndef CODEC_H
#define CODEC_H

#include "flux.h"

/* A request or event (`type`) with what `fmt` packs; NULL with errno. */
flux_msg_t *
codec_vpack(int type, const char *topic, const char *fmt, va_list ap);

#endif /* CODEC_H */
