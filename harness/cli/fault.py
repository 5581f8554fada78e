"""``mvh fault``: what goes wrong with the modems and the network of a running stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.admin import ask
from harness.cli.output import console, print_json

app = typer.Typer(no_args_is_help=True)

Stack = Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
Parameters = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Parameters of the kind.")]


@app.command("list")
def list_faults(stack: Stack = None, as_json: Json = False) -> None:
    """List the faults that are set."""
    faults = _ask(stack, "GET")["faults"]
    if as_json:
        print_json(faults)
        return
    for fault in faults:
        _show(fault)
    if not faults:
        console().print("no faults are set", style="dim")


@app.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What goes wrong; see 'mvh fault kinds'.")],
    parameters: Parameters = None,
    modem: Annotated[str | None, typer.Option(metavar="NAME", help="This modem only.")] = None,
    on: Annotated[str | None, typer.Option(metavar="COMMAND", help="On a command: AT+CMGS, or /regex/.")] = None,
    urc: Annotated[str | None, typer.Option(metavar="TEXT", help="On an unsolicited result: +CMT, or /regex/.")] = None,
    nth: Annotated[int | None, typer.Option(metavar="N", help="Only the n-th that fits.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="At, or not before, this time of the stack.")] = None,
    later: Annotated[str | None, typer.Option("--in", metavar="TIME", help="The same, from now.")] = None,
    repeat: Annotated[str | None, typer.Option(metavar="TIME", help="Again and again, so long after another.")] = None,
    when: Annotated[list[str] | None, typer.Option(metavar="STATE", help="In a state: registered, or no-context.")]
    = None,
    times: Annotated[int | None, typer.Option(metavar="N", help="How often; once if nothing is said.")] = None,
    sticky: Annotated[bool, typer.Option("--sticky", help="Without end.")] = False,
    p: Annotated[float | None, typer.Option(metavar="P", help="With this probability, without end.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of its own chance, whatever the stack's.")] = None,
    lasting: Annotated[str | None, typer.Option(metavar="TIME", help="How long it stays set.")] = None,
    stack: Stack = None,
    as_json: Json = False,
) -> None:
    """Set a fault: mvh fault add truncate after=5 --on AT+CMGS --nth 2."""
    described: dict[str, Any] = {"kind": kind, **_parameters(parameters or [])}
    selector = {"modem": modem, "on": on, "urc": urc, "nth": nth, "at": at, "in": later, "repeat": repeat,
                "when": _states(when or []), "times": times, "sticky": sticky or None, "p": p, "lasting": lasting,
                "seed": seed}
    described.update({key: value for key, value in selector.items() if value not in (None, {})})
    fault = _ask(stack, "POST", described)
    if as_json:
        print_json(fault)
    else:
        _show(fault)


@app.command()
def remove(
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Which, as 'mvh fault list' numbers them.")]
    = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    stack: Stack = None,
    as_json: Json = False,
) -> None:
    """Remove a fault, and undo what it did as far as that can be undone."""
    from harness.errors import UsageError

    if (number is None) is not everything:
        raise UsageError("name the number of a fault, or --all")
    answer = _ask(stack, "DELETE", query={} if number is None else {"number": str(number)})
    if as_json:
        print_json(answer)
    else:
        console().print(f"removed {answer['removed']}")


@app.command()
def save(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; '-' is standard output.")],
    stack: Stack = None,
) -> None:
    """Write the faults that are set to a file, as a rig file has them."""
    from harness.errors import UsageError
    from harness.rig import fault_door

    text = fault_door.as_toml(_ask(stack, "GET", query={"plan": "1"})["faults"])
    if str(file) == "-":
        console().print(text, end="", markup=False, soft_wrap=True)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{file}: {problem.strerror}") from None


@app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rig file, or what 'mvh fault save' wrote.")],
    stack: Stack = None,
    as_json: Json = False,
) -> None:
    """Set all faults of a file, or none if one is wrong."""
    from harness.errors import UsageError
    from harness.rig import fault_door

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"{file}: {getattr(problem, 'strerror', None) or 'no UTF-8'}") from None
    faults = _ask(stack, "POST", {"faults": fault_door.from_file(text, str(file))})["faults"]
    if as_json:
        print_json(faults)
        return
    for fault in faults:
        _show(fault)


@app.command()
def kinds(as_json: Json = False) -> None:
    """Print every kind of fault with its parameters, and the states that --when takes."""
    from harness.rig import fault_door

    rows = fault_door.kinds()
    if as_json:
        for row in rows:
            print_json(row)
        return
    out = console()
    group = None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            out.print(f"\n{group}", style="bold")
        out.print(f"  {row['kind']:<22} ", style="bold", end="", markup=False)
        out.print(row["about"], markup=False)
        for parameter in _items(row["parameters"]):
            default = parameter["default"]
            given = "" if default is None else f", {default} if absent"
            out.print(f"    {parameter['name']:<12} {parameter['about']} ({parameter['rule']}{given})", style="dim",
                      markup=False)
    out.print("\nStates", style="bold")
    for name, about in fault_door.conditions().items():
        out.print(f"  {name:<22} {about}", markup=False)


def _items(value: object) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else []


def _parameters(words: list[str]) -> dict[str, str]:
    from harness.errors import UsageError

    given: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise UsageError(f"a parameter is NAME=VALUE, not {word!r}")
        given[name] = value
    return given


def _states(words: list[str]) -> dict[str, bool]:
    """Return states by name: a word is one that holds, with ``no-`` before it one that does not."""
    return {word.removeprefix("no-").replace("-", "_"): not word.startswith("no-") for word in words}


def _ask(stack: str | None, method: str, body: dict[str, Any] | None = None,
         query: dict[str, str] | None = None) -> Any:
    return ask(stack, method, "/device-faults", body, query)


def _show(fault: dict[str, Any]) -> None:
    out = console()
    told = ("number", "kind", "seen", "struck", "left")
    details = " ".join(f"{key}={_word(value)}" for key, value in fault.items() if key not in told)
    left = "without end" if fault["left"] is None else f"{fault['left']} left"
    out.print(f"{fault['number']:>4} ", style="dim", end="", markup=False)
    out.print(f"{fault['kind']} ", style="bold", end="", markup=False)
    out.print(f"{details} ".lstrip(), end="", markup=False)
    out.print(f"struck {fault['struck']}, {left}", style="dim", markup=False)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(name if holds else f"no-{name}" for name, holds in value.items())
    return str(value)
