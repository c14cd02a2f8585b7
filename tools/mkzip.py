#!/usr/bin/env python3
"""mkzip.py [-s] FOLDER... - write a zip archive of Python packages to stdout

The archive is meant to be appended to the program, which Python then imports
from by the program's path (zipimport).  Each source goes in compressed, for
tracebacks and for any version of Python, and in front of it, as it is, what
this version has compiled it to, which saves most of the time of an import.
Bytecode of another version is passed over by zipimport; ours is marked as not
to be checked against its source.  With -s there are only the sources.

The last member is all bytecode in one piece, as flux/bundle.py says: the
interpreter's magic number, the marshalled dict, and the length of both in
eight bytes, little end first, so that it is found from the archive's end.
Without bytecode it is empty.

The same sources give the same bytes: order and times are fixed.
"""

import io
import marshal
import os
import sys
import tempfile
import zipfile
from importlib.util import MAGIC_NUMBER
from py_compile import PycInvalidationMode, compile

EPOCH = (1980, 1, 1, 0, 0, 0)
PYC_HEADER = 16


def sources(folder):
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.join(where, name)


def bytecode(path, name):
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "c")
        mode = PycInvalidationMode.UNCHECKED_HASH
        compile(path, target, name, doraise=True, optimize=0, invalidation_mode=mode)
        with open(target, "rb") as f:
            return f.read()


def add(archive, name, data, method):
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = method
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def module_name(name):
    """The module in a file, and whether it is a package."""
    parts = name[: -len(".py")].split("/")
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]), True
    return ".".join(parts), False


def bundle(modules):
    data = MAGIC_NUMBER + marshal.dumps(modules) if modules else b""
    return data + len(data).to_bytes(8, "little")


def main(folders):
    with_bytecode = folders[0] != "-s"
    out = io.BytesIO()
    modules = {}
    with zipfile.ZipFile(out, "w") as archive:
        for folder in folders if with_bytecode else folders[1:]:
            for path in sources(folder):
                name = os.path.relpath(path, os.path.dirname(folder) or ".")
                with open(path, "rb") as f:
                    source = f.read()
                if with_bytecode:
                    compiled = bytecode(path, name)
                    add(archive, name + "c", compiled, zipfile.ZIP_STORED)
                    module, package = module_name(name)
                    modules[module] = package, compiled[PYC_HEADER:]
                add(archive, name, source, zipfile.ZIP_DEFLATED)
        add(archive, "bundle", bundle(modules), zipfile.ZIP_STORED)
    sys.stdout.buffer.write(out.getvalue())


main(sys.argv[1:])
