"""flux.modexec - run a Python file as a module of the broker

What flux-module-python-exec runs: main() with the file's path as the only
argument and FLUX_MODULE_URI in the environment (RFC 5).  In order:

 1. the broker's welcome says the module's name, arguments, attributes and
    configuration; the file is imported and its entry point found;
 2. default methods are registered, the entry point is called, and the
    module reports itself running when it first enters the reactor;
 3. when the entry point is left, the module reports that it finalizes,
    answers the requests it has not looked at, and reports its errno.

A file that cannot be imported, or has no entry point, ends the process with
1 and the reason on stderr; the broker tells that to who asked for the load.
From then on the reason is an errno: an OSError's own; EINVAL for a
ValueError before the module runs, which is what bad arguments are, with its
text alone on stderr; ECONNRESET for any other exception, with its traceback.

The interpreter is started without site-packages (-I -S), which most modules
do not need and which take as long to set up as the rest.  The first import
that fails for it sets them up.
"""

import errno
import os
import sys

from flux import modmethods
from flux.brokermod import resolve_entry_point, set_running
from flux.constants import (
    FLUX_MODSTATE_EXITED,
    FLUX_MODSTATE_FINALIZING,
    FLUX_MSGTYPE_REQUEST,
    FLUX_RPC_NORESPONSE,
)
from flux.handle import Flux
from flux.importer import import_path
from flux.proctitle import set_proctitle

_PROGRAM = "flux-module-python-exec"


class _SitePackages:
    """The last finder: at the first failure, set up sys.path as usual."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if path is not None:
            return None
        sys.meta_path.remove(cls)
        _set_up_site()
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


def _set_up_site():
    import site

    site.main()
    home = site.getusersitepackages()
    if os.getuid() == os.geteuid() and os.path.isdir(home):
        site.addsitedir(home)


def _prepare_imports():
    path = os.environ.get("PYTHONPATH", "")
    sys.path[1:1] = [folder for folder in path.split(os.pathsep) if folder]
    sys.dont_write_bytecode = True
    if "site" not in sys.modules:
        sys.meta_path.append(_SitePackages)


def _complain(text):
    print(text, file=sys.stderr)
    sys.stderr.flush()


def _fail(text):
    _complain("%s: %s" % (_PROGRAM, text))
    return 1


def _print_exception(path):
    """The traceback, from the module's own file on."""
    import traceback

    kind, value, trace = sys.exc_info()
    frame = trace
    while frame and frame.tb_frame.f_code.co_filename != path:
        frame = frame.tb_next
    traceback.print_exception(kind, value, frame or _own_end(kind, trace))
    sys.stderr.flush()


def _own_end(kind, trace):
    """Nothing of this loader belongs to an error in the file's syntax."""
    return None if issubclass(kind, SyntaxError) else trace


def _errnum_of(exc, path, running):
    """The errno to report for what the entry point raised."""
    if isinstance(exc, OSError):
        _complain("%s: %s" % (os.path.basename(path), exc))
        return exc.errno or errno.ECONNRESET
    if isinstance(exc, ValueError) and not running:
        _complain("%s: %s" % (os.path.basename(path), exc))
        return errno.EINVAL
    _print_exception(path)
    return errno.ECONNRESET


def _call(entry, h, args, path):
    """Call the module's entry point.  Returns the errno to report."""
    try:
        entry(h, *args)
    except Exception as exc:
        return _errnum_of(exc, path, h.aux_get("flux::running"))
    return 0


def _refuse_requests(h):
    """ENOSYS for what came before the broker knew that we finalize."""
    for msg in h.inbox:
        if msg.type == FLUX_MSGTYPE_REQUEST:
            h.respond_error(msg, errno.ENOSYS)
    h.inbox.clear()


def _finalize(h, errnum):
    h.rpc("module.status", {"status": FLUX_MODSTATE_FINALIZING}).get()
    _refuse_requests(h)
    status = {"status": FLUX_MODSTATE_EXITED, "errnum": errnum}
    h.rpc("module.status", status, flags=FLUX_RPC_NORESPONSE)
    h.close()


def _receive_welcome(h):
    """Returns the module's arguments."""
    welcome = h.recv(FLUX_MSGTYPE_REQUEST, topic_glob="welcome").payload
    h.aux_set("flux::name", welcome["name"])
    h.aux_set("flux::uuid", welcome["uuid"])
    h.cache_attrs(welcome["attrs"])
    h.conf_set(welcome["conf"])
    return welcome["args"]


def _load(path):
    """The entry point; None, with the reason on stderr, if there is none."""
    try:
        module = import_path(path)
    except Exception:
        _print_exception(os.path.abspath(path))
        return None
    try:
        return resolve_entry_point(module)
    except ValueError as exc:
        _fail("%s: %s" % (path, exc))
        return None


def _run(h, path):
    args = _receive_welcome(h)
    name = h.aux_get("flux::name")
    set_proctitle(name)
    entry = _load(path)
    if entry is None:
        return 1
    modmethods.register(h, name)
    h.before_reactor = lambda: set_running(h)
    _finalize(h, _call(entry, h, args, path))
    return 0


def _leave(status):
    """End now: what the interpreter tidies up, the process's end does too."""
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main(argv=None):
    args = sys.argv[1:] if argv is None else argv
    if len(args) != 1:
        return sys.exit(_fail("Usage: %s PATH" % _PROGRAM))
    uri = os.environ.pop("FLUX_MODULE_URI", None)
    if not uri:
        return sys.exit(_fail("FLUX_MODULE_URI is not set"))
    _prepare_imports()
    try:
        h = Flux(uri)
    except OSError as exc:
        return sys.exit(_fail("flux_open: %s" % exc))
    try:
        status = _run(h, args[0])
    except ConnectionError:
        status = 1  # the broker is gone, and with it who would be told
    _leave(status)
