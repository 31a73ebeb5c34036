"""Messages come as they were sent, and nothing else passes for one."""

import os

import pytest

from tinygrad_dl.testing.homework.channel import LONGEST, Forged, Receiver, Sender

KEY, OTHER = b"k" * 32, b"o" * 32


def sent(key=KEY, count=2):
    """The bytes of some messages."""
    out, into = os.pipe()
    sender = Sender(into, key)
    for number in range(count):
        sender.send("finding", number=number, text="1 ≤ 2\n")
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        return pipe.read()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_messages_come_in_order_in_whatever_parts_their_bytes_come(size):
    data, receiver = sent(), Receiver(KEY)
    found = [message for i in range(0, len(data), size) for message in receiver.feed(data[i : i + size])]
    assert found == [("finding", {"number": number, "text": "1 ≤ 2\n"}) for number in range(2)]


@pytest.mark.parametrize(
    "data",
    [
        b"all right\n",
        b"\n",
        sent(OTHER),
        sent()[1:],
        sent().replace(b"finding", b"finding2"),
        sent(count=1) * 2,
        sent().split(b"\n")[1] + b"\n",
        b"x" * (LONGEST + 1),
    ],
)
def test_what_was_not_signed_with_the_key_or_comes_twice_is_forged(data):
    with pytest.raises(Forged):
        list(Receiver(KEY).feed(data))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_process_that_was_forked_cannot_send(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", lambda status: ended.append(status) or pytest.skip("ended"))
    sender = Sender(1, KEY)
    sender._process += 1
    with pytest.raises(pytest.skip.Exception):
        sender.send("end")
    assert ended == [1]
