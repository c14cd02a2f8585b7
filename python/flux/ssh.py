"""flux.ssh - a connection to a broker on another host, through ssh(1)

    ssh [-p PORT] [USER@]HOST env PATH=... flux relay PATH

with one end of a socketpair as its stdin and stdout.  FLUX_SSH is the program
to run instead of ssh, FLUX_SSH_RCMD the command to run instead of flux; see
flux-environment(7).  What the process writes to stderr is the error's text if
there is no connection, and is shown if there is one.
"""

import errno
import os
import shutil
import socket
import subprocess
import tempfile
from shlex import quote

from flux.errors import error

HINT = (
    "\nHint: Check that shell init files do not write to stdout when"
    " non-interactive."
)


def _split(address):
    """Host with its user, port or "", and path."""
    host, slash, path = address.partition("/")
    host, colon, port = host.partition(":")
    if (
        not slash
        or "?" in path
        or not host.rpartition("@")[2]
        or host.startswith("-")
        or bool(colon) != port.isdigit()
    ):
        text = "ssh://%s is not ssh://[USER@]HOST[:PORT]/PATH" % address
        raise error(errno.EINVAL, text)
    return host, port, slash + path


def _remote_path(path):
    folders = [os.path.dirname(path).rstrip("/") + "/bin"]
    program = shutil.which("flux")
    if program:
        folders.append(os.path.dirname(program))
    return "PATH=" + ":".join(folders + ["/bin", "/usr/bin"])


def command_line(address):
    host, port, path = _split(address)
    flux = os.environ.get("FLUX_SSH_RCMD")
    libraries = os.environ.get("LD_LIBRARY_PATH")
    env = [] if flux else [quote(_remote_path(path))]
    if libraries is not None:
        env.append(quote("LD_LIBRARY_PATH=" + libraries))
    return (
        [os.environ.get("FLUX_SSH", "ssh")]
        + (["-p", port] if port else [])
        + [host]
        + (["env"] + env if env else [])
        + [flux or "flux", "relay", quote(path)]
    )


def _start(argv, far, err):
    try:
        return subprocess.Popen(argv, stdin=far, stdout=far, stderr=err)
    except OSError as exc:
        text = "ssh-connector: %s: %s" % (argv[0], os.strerror(exc.errno))
        hint = "\nHint: set FLUX_SSH in environment to override"
        raise error(exc.errno, text + hint) from None


def _explain(program, answer, status, text):
    if answer:
        text = "%s: what came first is no broker's welcome" % program
        return error(errno.EPROTO, text + HINT)
    if not text:
        text = "%s: no welcome from a broker, status %d" % (program, status)
    return error(errno.ECONNRESET, text)


def _text(err):
    err.seek(0)
    return err.read()


def dial(address):
    """This end of the socketpair, past the welcome, and the process."""
    argv = command_line(address)
    near, far = socket.socketpair()
    with near, far, tempfile.TemporaryFile() as err:
        process = _start(argv, far, err)
        far.close()
        answer = near.recv(1)
        if answer == b"\0":
            os.write(2, _text(err))
            return near.detach(), process
        near.close()
        process.terminate()  # nothing of value is on its way any more
        status = process.wait()
        text = _text(err).decode(errors="replace").rstrip("\n")
        raise _explain(argv[0], answer, status, text)
