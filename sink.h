/* sink.h - where lines of the log are written, which may be stuck or full */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink {
    int fd;        /* -1: none, and lines go nowhere */
    bool stuck;    /* did not take all when last written to */
    bool cut;      /* the last line is there in part */
    uint64_t lost; /* lines since the last that was written */
};

/* Write one line, its end included, or count it as lost. */
void sink_write(struct sink *s, const char *line, size_t size);

#endif /* SINK_H */
