"""flux.rpc - a request and the future of its response (RFC 6)

The matchtag joins the two: the handle gives one to each request that
expects a response, and has it back when the last response came, which for a
streaming RPC is the one with an error.  A future that is dropped before that
loses its responses and nothing else.
"""

import errno

from flux import payload as json
from flux.constants import (
    FLUX_MSGFLAG_NORESPONSE,
    FLUX_MSGFLAG_STREAMING,
    FLUX_MSGFLAG_UPSTREAM,
    FLUX_NODEID_ANY,
    FLUX_NODEID_UPSTREAM,
    FLUX_RPC_NORESPONSE,
    FLUX_RPC_STREAMING,
)
from flux.errors import error
from flux.future import Future
from flux.topics import encode_topic


class RPC(Future):
    __slots__ = ("topic", "matchtag")

    def __init__(
        self, flux_handle, topic, payload=None, nodeid=FLUX_NODEID_ANY, flags=0
    ):
        super().__init__(flux_handle)
        self.topic = encode_topic(topic)
        self.matchtag = 0
        if not 0 <= nodeid <= FLUX_NODEID_ANY:
            raise OverflowError("nodeid %d is not a rank" % nodeid)
        data = json.encode(payload)
        flagbits = 0
        if nodeid == FLUX_NODEID_UPSTREAM:
            flagbits = FLUX_MSGFLAG_UPSTREAM
            nodeid = flux_handle.get_rank()
        if flags & FLUX_RPC_STREAMING:
            flagbits |= FLUX_MSGFLAG_STREAMING
        if flags & FLUX_RPC_NORESPONSE:
            flagbits |= FLUX_MSGFLAG_NORESPONSE
            self.fulfill_error(errno.EINVAL)
        else:
            self.matchtag = flux_handle.expect(self)
        flux_handle.send_request(
            self.topic, data, nodeid, self.matchtag, flagbits
        )

    def _wait(self, timeout):
        self._handle.wait_response(self, timeout)

    def get(self):
        """The response's payload: a dict, or None."""
        return self._take().payload

    def get_str(self):
        """The response's payload as it came: a str, or None."""
        return self._take().payload_str

    def cancel(self, topic=None):
        """Ask the service to end a streaming RPC, which it does with an error.

        topic: of the cancel request, SERVICE.cancel if not given.
        """
        if not self.matchtag:
            raise error(errno.EINVAL)
        if topic is None:
            topic = self.topic.rpartition(b".")[0] + b".cancel"
        RPC(
            self._handle,
            topic,
            {"matchtag": self.matchtag},
            flags=FLUX_RPC_NORESPONSE,
        )
