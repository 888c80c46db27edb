"""What holds for every test: no way out of this machine, and the same examples in every CI run."""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None, database=None)
settings.register_profile("ci", deadline=None, database=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


class WayOutError(RuntimeError):
    """A test reached for an address outside this machine; give it a server on 127.0.0.1."""


class Door:
    """Hears of every address that Python is about to use, and stops those that lead out."""

    def __init__(self) -> None:
        self.shut = False

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if not self.shut:
            return
        match event, args:
            case "socket.connect" | "socket.sendto" | "socket.sendmsg", (
                socket.socket(family=socket.AF_INET | socket.AF_INET6),
                (host, *_),
            ):
                self.check(host, numbers_are_free=False)
            case "socket.getaddrinfo" | "socket.gethostbyname", (host, *_):
                self.check(host, numbers_are_free=True)
            case _:
                pass

    def check(self, host: object, *, numbers_are_free: bool) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if name in {None, "", "localhost"}:
            return
        try:
            address = ipaddress.ip_address(str(name))
        except ValueError:
            raise WayOutError(f"{WayOutError.__doc__} It was {name}.") from None
        # To read a number asks nobody; to go there does.
        if not (numbers_are_free or address.is_loopback):
            raise WayOutError(f"{WayOutError.__doc__} It was {name}.")


@pytest.fixture(scope="session", autouse=True)
def network_is_this_machine() -> Iterator[None]:
    # An audit hook cannot be taken out again, so the door is opened when the tests are over.
    door = Door()
    sys.addaudithook(door)
    door.shut = True
    yield
    door.shut = False
