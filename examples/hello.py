"""hello.py - the twin of hello.c in Python

flux module load hello.py greeting=Hi
flux rpc hello.greet '{"name":"world"}'
flux event pub hello.shout
"""

import errno
import json

from flux.brokermod import BrokerModule, event_handler, request_handler


class Hello(BrokerModule):
    def __init__(self, h, *args):
        super().__init__(h, *args)
        self.greeting = "hello"
        for arg in args:
            key, _, self.greeting = arg.partition("=")
            if key != "greeting" or not self.greeting:
                raise ValueError(f"expected greeting=WORD, not '{arg}'")

    @request_handler("greet", allow_guest=True)
    def greet(self, msg):
        name = json.loads(msg.payload_str or "{}").get("name")
        if not isinstance(name, str):
            text = 'hello.greet wants {"name": ...}'
            self.handle.respond_error(msg, errno.EPROTO, text)
            return
        self.handle.respond(msg, {"greeting": f"{self.greeting} {name}"})

    @event_handler("shout")
    def shout(self, msg):
        self.log.notice(f"{self.greeting}, all of you!")
