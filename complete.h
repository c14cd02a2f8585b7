/* complete.h - what may come next on a command line, for shells */
#ifndef COMPLETE_H
#define COMPLETE_H

/* Print what the last word of `words` (a command's name first, NULL at the
 * end) may become, one a line.  A line that begins with "@" names a kind of
 * things that the shell knows how to find: @file, @dir, @command, @loaded,
 * @loadable, @attribute.
 */
void complete_print(char *const *words);

#endif /* COMPLETE_H */
