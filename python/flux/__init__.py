"""flux - write Flux modules and scripts in Python

The names, arguments and meaning are those that Flux publishes for its own
Python package, so that a module or script runs unchanged on either.  This
one is pure Python: it speaks the broker's frames itself (wire.py) over the
socket that FLUX_URI, or for a module FLUX_MODULE_URI, names.

    h = flux.Flux()                              # handle.py
    h.rpc("broker.ping", {"seq": 1}).get()       # rpc.py, future.py
    h.msg_watcher_create(cb, topic_glob="a.*")   # watchers.py, message.py
    h.reactor_run()                              # reactor.py

brokermod.py is the base class for modules, and modexec.py what
flux-module-python-exec runs.  What is not needed by every module at start
is imported where it is used: starting python3 is most of the time that
loading a module takes.
"""

from flux.handle import Flux

__all__ = ["Flux"]
