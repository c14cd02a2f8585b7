"""flux.payload - JSON payloads: text to dict and back

A payload is a JSON object on the wire and a dict in Python, or absent and
None.  On the wire it is UTF-8 that ends with a NUL.

The json package spends most of its import on regular expressions that only
its pure Python scanner and its error messages need, as much time and memory
as all the rest of this package.  So the scanner and encoder that CPython's
json itself uses are taken from where it takes them, `_json`; whatever they
do not take at once (surrounding white space, an error) goes to json, whose
words the caller then gets.  Where `_json` is missing, or does not do what is
expected of it, json does all of the work.

A lone surrogate, which UTF-8 cannot express, is sent as its JSON escape.

The scanner raises SystemError for bad JSON as long as json is not imported;
in an interpreter built for debugging it would abort, so json works there.
"""

import sys

from flux.errors import PayloadError


class _Options:
    """What json.JSONDecoder's default instance has, for its C scanner."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo = {}

    @staticmethod
    def parse_constant(name):
        raise ValueError(name + " is not JSON")


def _not_serializable(value):
    raise TypeError(
        "Object of type %s is not JSON serializable" % type(value).__name__
    )


def _accelerated():
    from _json import encode_basestring, make_encoder, make_scanner

    if hasattr(sys, "gettotalrefcount"):
        raise ImportError("an interpreter built for debugging")
    scan = make_scanner(_Options)
    encode = make_encoder(
        None,  # circular references are RecursionError without being tracked
        _not_serializable,
        encode_basestring,
        None,  # no indentation
        ": ",
        ", ",
        False,  # keys keep their order
        False,  # keys that are no strings are an error
        False,  # so are infinities and NaN
    )
    if "".join(encode({"a": [1]}, 0)) != '{"a": [1]}':
        raise ImportError("_json.make_encoder has changed")
    if scan('{"a": [1]}', 0) != ({"a": [1]}, 10):
        raise ImportError("_json.make_scanner has changed")
    return scan, encode


def _plain():
    import json

    def encode(value, _indent):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    decoder = json.JSONDecoder(parse_constant=_Options.parse_constant)
    return decoder.scan_once, encode


try:
    _scan, _encode = _accelerated()
except (ImportError, AttributeError, TypeError):
    _scan, _encode = _plain()


def loads(text):
    """The value of a JSON text.  ValueError if it is none."""
    try:
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (StopIteration, ValueError, SystemError):
        pass
    import json

    return json.loads(text, parse_constant=_Options.parse_constant)


def decode(data):
    """The dict that payload bytes hold; None if there are none.

    PayloadError for anything but one JSON object that ends with a NUL.
    """
    if data is None:
        return None
    text = decode_text(data)
    try:
        value = loads(text)
    except (ValueError, RecursionError) as exc:
        raise PayloadError("payload is not JSON: %s" % exc, data) from None
    if type(value) is not dict:
        raise PayloadError("payload is not a JSON object", data)
    return value


def decode_text(data):
    """The str that payload bytes hold; None if there are none."""
    if data is None:
        return None
    if data[-1:] != b"\0":
        raise PayloadError("payload does not end with a NUL", data)
    try:
        return str(data[:-1], "utf-8")
    except UnicodeDecodeError as exc:
        raise PayloadError("payload is not UTF-8: %s" % exc, data) from None


def encode(value):
    """Payload bytes of a dict, or of a str or bytes that are JSON already.

    None for None.  TypeError for another type, or what JSON cannot express;
    ValueError for an infinity or NaN.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        value = "".join(_encode(value, 0))
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace") + b"\0"
    if isinstance(value, bytes):
        return value + b"\0"
    raise TypeError("payload must be a dict, not %s" % type(value).__name__)
