"""flux.bundle - the package from one piece of the program's end

zipimport looks each module up in the archive, and reads and unmarshals it
twice.  So mkzip.py puts the bytecode of all modules into the archive once
more, as its last member: marshalled {name: (is it a package, its bytecode)}.
flux-module-python-exec (loader_py.c) reads that with the interpreter it was
compiled for and runs this file's code, with the dict as `modules` and the
program's path as `archive`.  From then on `import flux.anything` takes its
bytecode from the dict; source, for tracebacks, comes from the archive.
"""

import sys
from _frozen_importlib import ModuleSpec
from marshal import loads


class Bundle:
    """Finds and loads what is in the dict."""

    def __init__(self, modules, archive):
        self._modules = modules
        self._archive = archive

    def find_spec(self, name, path=None, target=None):
        if name not in self._modules:
            return None
        package = self._modules[name][0]
        where = name.replace(".", "/") + ("/__init__.py" if package else ".py")
        spec = ModuleSpec(
            name,
            self,
            origin="%s/%s" % (self._archive, where),
            is_package=package,
        )
        spec.has_location = True
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(loads(self._modules[module.__name__][1]), module.__dict__)

    def get_source(self, name):
        from zipimport import zipimporter

        return zipimporter(self._archive).get_source(name)


def install(modules, archive):
    sys.meta_path.insert(0, Bundle(modules, archive))
