"""py_payload.py - JSON payloads, and what is none"""


from pytap import done, ok, raises, same

from flux import payload
from flux.errors import PayloadError

VALUES = [
    {},
    {"a": 1, "b": [1, 2.5, -3e300, None, True, "x"], "c": {"d": {}}},
    {"\xa3": "\u32db \u263a \U0001f600", "quote": '"\\/\b\n\t\x01'},
    {"big": 2**63, "small": -(2**63), "real": 0.1, "zero": -0.0},
]


def test_round_trips():
    for value in VALUES:
        data = payload.encode(value)
        same(payload.decode(data), value, "%.40r comes back" % (value,))
        ok(data.endswith(b"\0"), "and ends with a NUL")
        import json

        text = json.dumps(value, ensure_ascii=False)
        same(data[:-1].decode(), text, "and is what json writes")
    same(payload.encode(None), None, "None is no payload")
    same(payload.decode(None), None, "no payload is None")
    same(payload.encode('{"a":1}'), b'{"a":1}\0', "a str is sent as it is")
    same(payload.encode(b"{}"), b"{}\0", "so are bytes")
    same(payload.decode(b' {"a" : 1} \n\0'), {"a": 1}, "blanks are skipped")


def test_both_codecs():
    for scan, encode in (payload._plain(), payload._accelerated()):
        text = "".join(encode(VALUES[1], 0))
        want = VALUES[1], len(text)
        same(scan(text, 0), want, "scanner and encoder agree")


def test_bad_payloads():
    cases = {
        "no NUL": b"{}",
        "nothing": b"",
        "only a NUL": b"\0",
        "no JSON": b"{x}\0",
        "cut short": b'{"a": [1,\0',
        "two values": b"{} {}\0",
        "an array": b"[]\0",
        "a number": b"1\0",
        "NaN": b'{"a": NaN}\0',
        "a control character": b'{"a": "\n"}\0',
        "broken UTF-8": b'{"a": "\xff"}\0',
        "100,000 deep": b'{"a":' + b"[" * 100000 + b"\0",
        "a long number": b'{"a": [' + b"9" * 20000 + b"]x}\0",
    }
    for name, data in cases.items():
        exc = raises(PayloadError, lambda: payload.decode(data), name)
        ok(exc is not None and exc.data is data, "and says which payload")


def test_bad_values():
    circle = {}
    circle["me"] = circle
    raises(TypeError, lambda: payload.encode([1]), "a list is no payload")
    raises(TypeError, lambda: payload.encode(1), "nor is a number")
    raises(TypeError, lambda: payload.encode({"a": object()}), "no JSON type")
    raises(ValueError, lambda: payload.encode({"a": 1e999}), "no infinity")
    raises(RecursionError, lambda: payload.encode(circle), "no circle")
    same(payload.encode({"a": 1}), b'{"a": 1}\0', "the encoder still works")


test_bad_payloads()  # first: before anything imports json
test_round_trips()
test_both_codecs()
test_bad_values()
done()
