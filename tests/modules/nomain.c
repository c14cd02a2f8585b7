/* nomain.c - a shared object without mod_main
 *
 * It can be mapped, but it is no module; the one who loads it must be told
 * what is missing.
 */
int nomain_value(void);

int nomain_value(void)
{
    return 1;
}
