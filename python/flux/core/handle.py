"""flux.core.handle - see flux.handle"""

from flux.handle import Flux

__all__ = ["Flux"]
