"""The Python module that the benchmark calls: NAME.json reads its JSON
payload and answers with the same as JSON."""

from flux.brokermod import BrokerModule, request_handler


class Echo(BrokerModule):
    @request_handler("json")
    def json(self, msg):
        self.handle.respond(msg, msg.payload)


def mod_main(h, *args):
    Echo(h, *args).run()
