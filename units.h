/* units.h - amounts in few characters, for people */
#ifndef UNITS_H
#define UNITS_H

enum { UNITS_SIZE = 16 };

/* "0", "12us", "1.5ms", "3.2s", "12m", "3h", "5d". */
const char *units_time(double seconds, char text[UNITS_SIZE]);

/* By powers of 1024: "0", "812", "1.5K", "12M", "3.1G". */
const char *units_bytes(double bytes, char text[UNITS_SIZE]);

/* By powers of 1000: "0", "0.5", "12", "1.5k", "12M". */
const char *units_count(double n, char text[UNITS_SIZE]);

#endif /* UNITS_H */
