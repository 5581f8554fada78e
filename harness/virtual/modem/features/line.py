"""Basic commands: the line layer's own settings, and calls that there are none of (ITU-T V.250 clause 6)."""

from __future__ import annotations

from harness.virtual.modem.command import NO_PARAMETERS, OK, Call, Command, Handler, Reply, Result, Resume, info

_SWITCHES = {"E": 1, "V": 1, "Q": 1, "X": 4, "&C": 1, "&D": 2, "&K": 3, "&S": 1, "L": 3, "M": 2}
_PARAMETERS = {"S0": 255, "S3": 127, "S4": 127, "S5": 127, "S6": 10, "S7": 255, "S8": 255, "S10": 254, "S12": 255}
_CLAUSE = "V.250 6"


def _switch(name: str, highest: int) -> Command:
    def assign(call: Call) -> Result:
        value = call.number(0, 0)
        if value > highest:
            return Reply(final="ERROR")
        call.session.settings[name] = (value,)
        call.session.reload()
        return OK

    return Command(name=name, clause=_CLAUSE, set=assign, exec=assign)


def _parameter(name: str, highest: int) -> Command:
    def read(call: Call) -> Result:
        return info(f"{call.session.settings.number(name):03d}")

    def assign(call: Call) -> Result:
        # a value that was left out may count as 0 (clause 5.3.2), but S3=0 would be a port that no line ends at
        value = call.number(0, highest + 1)
        if value > highest:
            return Reply(final="ERROR")
        call.session.settings[name] = (value,)
        call.session.reload()
        return OK

    return Command(name=name, clause=_CLAUSE, read=read, set=assign, exec=lambda call: OK)


def _only_profile_zero(call: Call) -> bool:
    return call.number(0, 0) == 0


def _factory(call: Call) -> Result:
    if not _only_profile_zero(call):
        return Reply(final="ERROR")
    call.session.settings.restore_factory()
    call.session.reload()
    call.modem.settings.restore_factory()
    return OK


def _reset(call: Call) -> Result:
    if not _only_profile_zero(call):
        return Reply(final="ERROR")
    call.session.settings.recall()
    call.session.reload()
    call.modem.settings.recall()
    return OK


def _store(call: Call) -> Result:
    if not _only_profile_zero(call):
        return Reply(final="ERROR")
    call.session.settings.store()
    call.modem.settings.store()
    return OK


def _view(call: Call) -> Result:
    if not _only_profile_zero(call):
        return Reply(final="ERROR")
    settings = call.session.settings
    return Reply(tuple(f"{name}: {settings.number(name):03d}" if name.startswith("S")
                       else f"{name}: {settings.number(name)}" for name in (*_SWITCHES, *_PARAMETERS)))


def _no_call(call: Call) -> Result:
    return Reply(final="NO CARRIER")


def _online(call: Call) -> Result:
    return Resume() if call.session.on_line else Reply(final="NO CARRIER")


def _hook(call: Call) -> Result:
    call.session.hang_up()
    return OK


def _nothing(call: Call) -> Result:
    return OK


def _action(name: str, handler: Handler) -> Command:
    return Command(name=name, clause=_CLAUSE, test=NO_PARAMETERS, set=handler, exec=handler)


COMMANDS = (
    *(_switch(name, highest) for name, highest in _SWITCHES.items()),
    *(_parameter(name, highest) for name, highest in _PARAMETERS.items()),
    _action("&F", _factory), _action("Z", _reset), _action("&W", _store), _action("&V", _view),
    _action("A", _no_call), _action("O", _online), _action("H", _hook),
    _action("T", _nothing), _action("P", _nothing),
)
