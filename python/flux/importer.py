"""flux.importer - import a file by its path

Such a module is named after its file and entered in sys.modules, as if it
had been found on sys.path.
"""

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader


def import_path(file_path):
    """The module in a file.  What its code raises comes out of here."""
    file_path = os.path.abspath(os.fspath(file_path))
    name = os.path.basename(file_path)
    if name.endswith(".py"):
        name = name[:-3]
    loader = SourceFileLoader(name, file_path)
    spec = ModuleSpec(name, loader, origin=file_path)
    spec.has_location = True
    module = type(sys)(name)
    module.__file__ = file_path
    module.__loader__ = loader
    module.__spec__ = spec
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
