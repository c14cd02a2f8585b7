/* test_modprobe.c - which modules go together, and what waits for what */
#include "modprobe_order.h"
#include "tap.h"
#include "toml.h"

static const char *const kinds[] = {"config", "attr", "env"};

static int add(struct modprobe *mp, const char *text, flux_error_t *e)
{
    json_t *document = toml_parse(text, strlen(text), e);
    int rc = document ? modprobe_add(mp, document, e) : -1;

    json_decref(document);
    return rc;
}

static bool is_set(const char *name, void *arg)
{
    return strcmp(name, arg) == 0;
}

static struct modprobe_world world_of(uint32_t rank)
{
    struct modprobe_world world = {
        .rank = rank,
        .config = json_pack("{s:{s:b}}", "a", "b", 0),
        .has_attr = is_set,
        .has_env = is_set,
        .arg = (void *)"there",
    };

    return world;
}

static void judge(struct modprobe *mp, uint32_t rank)
{
    struct modprobe_world world = world_of(rank);

    modprobe_judge(mp, &world);
    json_decref(world.config);
}

static struct modprobe *model(const char *text)
{
    struct modprobe *mp = modprobe_create();
    flux_error_t e = {""};

    if (!mp || add(mp, text, &e) < 0 || modprobe_apply_alternatives(mp, &e) < 0)
        printf("# %s\n", e.text);
    judge(mp, 0);
    return mp;
}

static const char *winner(const struct modprobe *mp, const char *service)
{
    struct modprobe_module *m = modprobe_resolve(mp, service, NULL);

    return m ? m->name : NULL;
}

static void refused(const char *text, const char *why)
{
    struct modprobe *mp = modprobe_create();
    flux_error_t e = {"it was taken"};

    add(mp, text, &e);
    is_str(e.text, why, why);
    modprobe_destroy(mp);
}

static void test_errors(void)
{
    refused("[[modules]]\nranks = \"0\"",
            "invalid modules entry: Missing required config key 'name'");
    refused("[[modules]]\nname = \"a\"\nbad = 1",
            "invalid modules entry: invalid config key bad");
    refused("[[modules]]\nname = \"a\"\nargs = \"x\"",
            "invalid modules entry: args: expected an array of strings");
    refused("[[modules]]\nname = \"a\"\nneeds = [1]",
            "invalid modules entry: needs: expected an array of strings");
    refused("[[modules]]\nname = \"a\"\nranks = \"=0\"",
            "invalid modules entry: ranks: invalid idset: =0");
    refused("[[modules]]\nname = \"a\"\nranks = \">\"",
            "invalid modules entry: ranks: invalid idset: >");
    refused("[[modules]]\nname = \"a\"\nexec = 1",
            "invalid modules entry: exec: expected true or false");
    refused("[[modules]]\nname = \"a\"\npriority = \"1\"",
            "invalid modules entry: priority: expected an integer");
    refused("modules = 1", "modules: expected an array of tables");
    refused("a.ranks = \"0\"", "no such task or module a");
    refused("alternatives = 1", "alternatives: expected a table");
    refused("alternatives.a = 1", "alternatives.a: expected a string");
    refused("[[modules]]\nname = \"a\"\n[a]\nbad = 1",
            "a: invalid config key bad");
    refused("[[modules]]\nname = \"a\"\n[a]\nname = \"b\"",
            "a: a: the name cannot be changed");
}

static void test_updates(void)
{
    struct modprobe *mp =
        model("[[modules]]\nname = \"a\"\nargs = [\"1\"]\n"
              "[[modules]]\nname = \"b\"\n"
              "[[modules]]\nname = \"a\"\nprovides = [\"s\"]\n"
              "[s]\nranks = \"1-2\"\n[b]\nexec = true\n");
    struct modprobe_module *a = modprobe_named(mp, "a");
    json_t *o = modprobe_show(modprobe_named(mp, "b"));
    char *text = json_dumps(o, JSON_COMPACT);

    is_int((long long)mp->count, 2, "a name is there once");
    ok(a == mp->modules[1] && !a->args, "the later definition is the one");
    is_str(a->ranks, "1-2", "an update finds a module by its service");
    is_str(text,
           "{\"name\":\"b\",\"module\":\"b\",\"args\":[],\"ranks\":\"all\","
           "\"provides\":[],\"requires\":[],\"needs\":[],\"before\":[],"
           "\"after\":[],\"priority\":100,\"disabled\":false,\"exec\":true}",
           "it is shown as Flux shows it");
    free(text);
    json_decref(o);
    modprobe_destroy(mp);
}

static void test_alternatives(void)
{
    struct modprobe *mp =
        model("[[modules]]\nname = \"a\"\nprovides = [\"s\", \"t\"]\n"
              "[[modules]]\nname = \"b\"\nprovides = [\"s\"]\n"
              "[[modules]]\nname = \"c\"\nprovides = [\"t\"]\n"
              "priority = 500\n");
    flux_error_t e;

    is_str(winner(mp, "s"), "b", "of equals the later one wins");
    is_str(winner(mp, "t"), "c", "else the one of higher priority");
    is_int(modprobe_set_alternative(mp, "s", "a", &e), 0, "one is chosen");
    is_str(winner(mp, "s"), "a", "then it wins");
    is_str(winner(mp, "t"), "a", "for all that it provides");
    modprobe_set_alternative(mp, "x", "a", &e);
    is_str(e.text, "no such service x", "a service that there is not");
    modprobe_set_alternative(mp, "s", "c", &e);
    is_str(e.text, "no module c provides s", "a module that does not provide");
    modprobe_disable(mp, "a", &e);
    judge(mp, 0);
    is_str(winner(mp, "s"), "b", "a disabled one loses");
    modprobe_disable(mp, "x", &e);
    is_str(e.text, "no such module or task 'x'", "nothing to disable");
    modprobe_destroy(mp);
}

static bool enabled_with(const char *key, const char *value, uint32_t rank)
{
    char text[200];
    struct modprobe *mp;
    bool enabled;

    snprintf(text, sizeof(text), "[[modules]]\nname = \"a\"\n%s = %s\n", key,
             value);
    mp = model(text);
    judge(mp, rank);
    enabled = mp->modules[0]->enabled;
    modprobe_destroy(mp);
    return enabled;
}

static void test_conditions(void)
{
    ok(enabled_with("ranks", "\"0,3-5\"", 4), "a rank in the set");
    ok(!enabled_with("ranks", "\"0,3-5\"", 2), "a rank that is not");
    ok(enabled_with("ranks", "\">0\"", 1), "above");
    ok(!enabled_with("ranks", "\">0\"", 0), "not above");
    ok(enabled_with("ranks", "\"<1\"", 0), "below");
    ok(!enabled_with("ranks", "\"<1\"", 1), "not below");
    ok(!enabled_with("disabled", "true", 0), "disabled");
    ok(enabled_with("needs-config", "[\"a.b\"]", 0), "config: false is there");
    ok(!enabled_with("needs-config", "[\"a.b.c\"]", 0), "config: not there");
    for (size_t i = 1; i < 3; i++) {
        char key[20];

        snprintf(key, sizeof(key), "needs-%s%s", kinds[i], i == 1 ? "s" : "");
        ok(enabled_with(key, "[\"there\"]", 0), key);
        ok(!enabled_with(key, "[\"there\", \"not\"]", 0), key);
        ok(!enabled_with(key, "[\"!there\"]", 0), key);
        ok(enabled_with(key, "[\"!not\"]", 0), key);
    }
}

static void test_needs(void)
{
    struct modprobe *mp = model(
        "[[modules]]\nname = \"low\"\nprovides = [\"s\"]\npriority = 1\n"
        "[[modules]]\nname = \"high\"\nprovides = [\"s\"]\nneeds = [\"x\"]\n"
        "[[modules]]\nname = \"y\"\nneeds = [\"z\"]\n"
        "[[modules]]\nname = \"z\"\nneeds = [\"y\"]\n"
        "[[modules]]\nname = \"after-high\"\nneeds = [\"high\"]\n");

    is_str(winner(mp, "s"), "low", "one whose needs are not met loses");
    ok(!modprobe_named(mp, "after-high")->usable, "and takes others with it");
    ok(modprobe_named(mp, "y")->usable, "needing each other is no harm");
    modprobe_destroy(mp);
}

/* The names of a set, with blanks. */
static const char *
names(const struct modprobe_set *set, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < set->count; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "",
                                set->items[i]->name);
    return text;
}

static const char *const chain =
    "[[modules]]\nname = \"a\"\n"
    "[[modules]]\nname = \"b\"\nrequires = [\"a\"]\nafter = [\"a\"]\n"
    "[[modules]]\nname = \"c\"\nrequires = [\"b\"]\nafter = [\"b\"]\n"
    "[[modules]]\nname = \"d\"\nrequires = [\"a\"]\nafter = [\"a\"]\n"
    "[[modules]]\nname = \"off\"\ndisabled = true\nrequires = [\"d\"]\n"
    "[[modules]]\nname = \"on\"\nrequires = [\"off\"]\n"
    "[[modules]]\nname = \"lost\"\nrequires = [\"nowhere\"]\n"
    "disabled = true\n";

static void test_requirements(void)
{
    struct modprobe *mp = model(chain);
    struct modprobe_set set;
    flux_error_t e;
    char text[200];

    modprobe_order_init(&set, mp);
    modprobe_order_require(mp, &set, "c", false, &e);
    is_str(names(&set, text, sizeof(text)), "c b a", "all that is required");
    modprobe_named(mp, "b")->loaded = true;
    modprobe_order_drop_loaded(&set);
    is_str(names(&set, text, sizeof(text)), "c a", "without what is loaded");
    set.count = 0;
    modprobe_order_require(mp, &set, "on", false, &e);
    is_str(names(&set, text, sizeof(text)), "on", "a disabled one is left out");
    set.count = 0;
    modprobe_order_require(mp, &set, "on", true, &e);
    is_str(names(&set, text, sizeof(text)), "on off d a", "unless by force");
    is_int(modprobe_order_require(mp, &set, "lost", true, &e), -1, "no such");
    is_str(e.text, "no such task or module nowhere", "and it is named");
    set.count = 0;
    is_int(modprobe_order_default(mp, &set, &e), 0, "the default");
    is_str(names(&set, text, sizeof(text)), "a b c d on",
           "is all that is enabled");
    modprobe_order_release(&set);
    modprobe_destroy(mp);
}

static void test_removal(void)
{
    struct modprobe *mp = model(chain);
    struct modprobe_set set;
    flux_error_t e;
    char text[200];

    for (size_t i = 0; i < 4; i++)
        mp->modules[i]->loaded = true;
    modprobe_order_init(&set, mp);
    modprobe_order_add(&set, modprobe_named(mp, "a"));
    is_int(modprobe_order_unload(mp, &set, &e), -1, "what is in use stays");
    is_str(e.text, "a still in use by b, d", "and its users are named");
    set.count = 0;
    modprobe_order_add(&set, modprobe_named(mp, "c"));
    is_int(modprobe_order_unload(mp, &set, &e), 0, "the last user goes");
    is_str(names(&set, text, sizeof(text)), "c b",
           "with what nothing else requires");
    modprobe_order_add(&set, modprobe_named(mp, "d"));
    modprobe_order_unload(mp, &set, &e);
    is_str(names(&set, text, sizeof(text)), "c b d a", "and so on");
    modprobe_order_release(&set);
    modprobe_destroy(mp);
}

static void test_plan(void)
{
    struct modprobe *mp = model(chain);
    struct modprobe_set set;
    struct modprobe_plan plan;
    flux_error_t e;

    modprobe_order_init(&set, mp);
    modprobe_order_require(mp, &set, "c", false, &e);
    is_int(modprobe_order_plan(mp, &set, false, &plan, &e), 0, "a plan");
    ok(plan.pending[0] == 1 && plan.pending[1] == 1 && plan.pending[2] == 0,
       "each waits for the one before it");
    ok(plan.waits[0 * 3 + 1] && plan.waits[1 * 3 + 2], "and for that one");
    modprobe_order_release_plan(&plan);
    modprobe_order_plan(mp, &set, true, &plan, &e);
    ok(plan.pending[0] == 0 && plan.waits[1 * 3 + 0] && plan.waits[2 * 3 + 1],
       "removing goes the other way round");
    modprobe_order_release_plan(&plan);
    modprobe_order_release(&set);
    modprobe_destroy(mp);
}

static void plan_all(const char *text, const char *why)
{
    struct modprobe *mp = model(text);
    struct modprobe_set set;
    struct modprobe_plan plan;
    flux_error_t e = {"it was planned"};

    modprobe_order_init(&set, mp);
    for (size_t i = 0; i < mp->count; i++)
        modprobe_order_add(&set, mp->modules[i]);
    if (modprobe_order_plan(mp, &set, false, &plan, &e) == 0)
        modprobe_order_release_plan(&plan);
    is_str(e.text, why, why);
    modprobe_order_release(&set);
    modprobe_destroy(mp);
}

static void test_cycles(void)
{
    plan_all("[[modules]]\nname = \"x\"\n"
             "[[modules]]\nname = \"y\"\nafter = [\"c\"]\n"
             "[[modules]]\nname = \"a\"\nafter = [\"b\", \"x\"]\n"
             "[[modules]]\nname = \"b\"\nafter = [\"c\"]\n"
             "[[modules]]\nname = \"c\"\nafter = [\"a\"]\n",
             "nodes are in a cycle: a, b, c, a");
    plan_all("[[modules]]\nname = \"a\"\nbefore = [\"b\"]\n"
             "[[modules]]\nname = \"b\"\nbefore = [\"a\"]\n",
             "nodes are in a cycle: a, b, a");
    plan_all("[[modules]]\nname = \"a\"\nafter = [\"a\"]\n", "it was planned");
    plan_all("[[modules]]\nname = \"a\"\nafter = [\"*\"]\n"
             "[[modules]]\nname = \"b\"\nafter = [\"*\"]\n",
             "it was planned");
    plan_all("[[modules]]\nname = \"a\"\nafter = [\"*\"]\n"
             "[[modules]]\nname = \"b\"\nafter = [\"a\"]\n",
             "nodes are in a cycle: a, b, a");
    plan_all("[[modules]]\nname = \"a\"\nafter = [\"x\"]\n",
             "no such task or module x");
}

static void test_large(void)
{
    struct modprobe *mp = modprobe_create();
    flux_error_t e = {""};
    int rc = 0;

    for (int i = 0; i <= MODPROBE_MAX && rc == 0; i++) {
        char text[80];

        snprintf(text, sizeof(text), "[[modules]]\nname = \"m%d\"\n", i);
        rc = add(mp, text, &e);
    }
    is_int((long long)mp->count, MODPROBE_MAX, "as many as there may be");
    is_str(e.text, "invalid modules entry: there are more than 1024 modules",
           "and then no more");
    modprobe_destroy(mp);
}

int main(void)
{
    test_errors();
    test_updates();
    test_alternatives();
    test_conditions();
    test_needs();
    test_requirements();
    test_removal();
    test_plan();
    test_cycles();
    test_large();
    errno = 7;
    modprobe_destroy(NULL);
    is_int(errno, 7, "destroying none keeps errno");
    return done();
}
