"""ask.py - send a request through the package `flux`, print what is answered

    ask.py TOPIC [JSON]
"""
import json
import sys

import flux

payload = json.loads(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    print(json.dumps(flux.Flux().rpc(sys.argv[1], payload).get()))
except OSError as e:
    print("error %d: %s" % (e.errno, e.strerror))
