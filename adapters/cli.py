"""The command: what TMEX, TMEX P, TMEX +J and TMEX -J were, and more; every end has its code, every fault its sentence.

What a verb needs is imported when it is called, so that `version`, `on` and `off` answer at once.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from adapters import __version__, streams
from adapters.exits import exit_code
from adapters.settings import SettingsError, describe, faults, language, load
from adapters.streams import complain, tell
from adapters.texts import say
from adapters.texts.phrasing import phrase
from adapters.usage import Parser
from engine.faults import Fault, FaultError

TMEX_WORDS = {"+J": "on", "-J": "off", "P": "config"}
"""What people who know DURIA's command type."""
VERBS = (
    "sync",
    "plan",
    "run",
    "on",
    "off",
    "status",
    "explain",
    "release",
    "check",
    "setup",
    "config",
    "health",
    "sql",
    "demo",
    "version",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    streams.prepare()
    try:
        return _perform(list(sys.argv[1:] if argv is None else argv), language(os.environ))
    finally:
        streams.leave()


def _perform(words: list[str], lang: str) -> int:
    if words and words[0] in TMEX_WORDS:
        words[0] = TMEX_WORDS[words[0]]
    try:
        arguments = _understood(words, lang)
        return int(arguments.perform(arguments, lang))
    except SettingsError as error:
        return _complain(error.faults, lang)
    except FaultError as error:
        return _complain([error.fault], lang)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence instead of a traceback, and its code
        return _complain([_bug(error)], lang)


def _understood(words: list[str], lang: str) -> argparse.Namespace:
    """What the words say; where only the verb is right, the usage of just this verb is told. Raises FaultError."""
    made = parsers(lang)
    arguments, extra = made["tmex"].parse_known_args(words)
    if extra:
        made[arguments.verb].error(extra[0])
    return arguments


def parsers(lang: str) -> dict[str, Parser]:
    """What understands the whole command, as `tmex`, and what each verb, by its name; in `de` or `en`."""
    parser = Parser(lang=lang, prog="tmex", description=phrase("help.tmex", lang), epilog=phrase("help.epilog", lang))
    verbs = parser.add_subparsers(dest="verb", metavar=phrase("help.verb", lang), required=True)
    made = {"tmex": parser}
    for verb in VERBS:
        told = phrase(f"help.{verb}", lang)
        made[verb] = verbs.add_parser(
            verb, help=told, description=told, epilog=phrase(f"example.{verb}", lang), lang=lang
        )
        made[verb].set_defaults(perform=globals()[f"_{verb}"])
    either = made["status"].add_mutually_exclusive_group()
    for each in (made["sync"], made["plan"], either, made["explain"], made["check"], made["config"]):
        each.add_argument("--json", action="store_true", help=phrase("help.json", lang))
    made["sync"].add_argument(
        "--calendar", metavar="NAME", action="append", default=[], help=phrase("help.calendar", lang)
    )
    made["check"].add_argument("--alarm", action="store_true", help=phrase("help.alarm", lang))
    made["setup"].add_argument("file", metavar="FILE", nargs="?", type=Path, help=phrase("help.file", lang))
    made["demo"].add_argument("--changes", metavar="N", type=int, help=phrase("help.changes", lang))
    either.add_argument("--watch", action="store_true", help=phrase("help.watch", lang))
    made["explain"].add_argument("name", metavar="NAME", help=phrase("help.name", lang))
    made["explain"].add_argument(
        "time", metavar=phrase("help.time_word", lang), nargs="+", help=phrase("help.time", lang)
    )
    made["explain"].add_argument("--at", metavar=phrase("help.time_word", lang), help=phrase("help.at", lang))
    made["release"].add_argument("name", metavar="NAME", help=phrase("help.name", lang))
    made["release"].add_argument("--yes", action="store_true", help=phrase("help.yes", lang))
    made["sql"].add_argument("dialect", choices=("postgres", "sqlite"), help=phrase("help.dialect", lang))
    made["sql"].add_argument("--rollback", action="store_true", help=phrase("help.rollback", lang))
    return made


def _sync(arguments: argparse.Namespace, lang: str) -> int:
    from adapters import command  # noqa: PLC0415 - see the module's first sentences

    settings = load(os.environ)
    unknown = [name for name in arguments.calendar if name not in settings.calendars]
    if unknown:
        return _complain([Fault("usage.no_calendar", {"name": name}) for name in unknown], lang)
    names = list(dict.fromkeys(arguments.calendar)) or list(settings.calendars)
    return _loop(lambda: command.sync(settings, names, as_json=arguments.json))


def _plan(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    from adapters import command  # noqa: PLC0415 - see the module's first sentences

    settings = load(os.environ)
    return _loop(lambda: command.plan(settings, as_json=arguments.json))


def _run(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the loop hears it: PID 1 is deaf without a handler
    gc.disable()  # nothing that is imported is garbage, and to look for it takes a tenth of a start
    from adapters import job  # noqa: PLC0415 - see the module's first sentences

    gc.freeze()  # nor will it ever be: while a change waits, nobody looks through all of it
    gc.enable()
    settings = load(os.environ)
    return _loop(lambda: job.run(settings))


def _status(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    from adapters import command  # noqa: PLC0415 - see the module's first sentences

    settings = load(os.environ)
    if arguments.watch:
        return _loop(lambda: command.watch(settings))
    return _loop(lambda: command.status(settings, as_json=arguments.json))


def _explain(arguments: argparse.Namespace, lang: str) -> int:
    from adapters import command  # noqa: PLC0415 - see the module's first sentences

    settings = load(os.environ)
    if arguments.name not in settings.calendars:
        return _complain([Fault("usage.no_calendar", {"name": arguments.name})], lang)
    time = " ".join(arguments.time)
    return _loop(lambda: command.tell_why(settings, arguments.name, time, arguments.at, as_json=arguments.json))


def _release(arguments: argparse.Namespace, lang: str) -> int:
    from adapters import command  # noqa: PLC0415 - see the module's first sentences

    settings = load(os.environ)
    if arguments.name not in settings.calendars:
        return _complain([Fault("usage.no_calendar", {"name": arguments.name})], lang)
    return _loop(lambda: command.release(settings, arguments.name, yes=arguments.yes))


def _check(arguments: argparse.Namespace, lang: str) -> int:
    from adapters.check import check  # noqa: PLC0415 - see the module's first sentences

    async def work() -> int:
        checker = await check(os.environ, lang, alarm=arguments.alarm)
        if arguments.json:
            tell(json.dumps(checker.as_json(), ensure_ascii=False))
        else:
            tell("\n".join(checker.lines()))
        return 0 if checker.passed() else 1

    return _loop(work)


def _setup(arguments: argparse.Namespace, lang: str) -> int:
    from adapters.setup import FILE, setup  # noqa: PLC0415 - see the module's first sentences

    return setup(arguments.file or FILE, lang)


def _health(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    from adapters.pulse import Pulse  # noqa: PLC0415 - see the module's first sentences

    alive = Pulse(load(os.environ, only_state=True).state).beats()
    if alive:
        tell(phrase("health.alive", lang))
    else:
        complain(phrase("health.dead", lang))
    return 0 if alive else 1


def _sql(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    name = arguments.dialect + ("_rollback" if arguments.rollback else "")
    tell(files("adapters.duria").joinpath("sql", f"{name}.sql").read_text("utf-8"), end="")
    return 0


def _on(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    return _turn(lang, on=True)


def _off(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    return _turn(lang, on=False)


def _turn(lang: str, *, on: bool) -> int:
    from adapters.mailbox import Mailbox  # noqa: PLC0415 - see the module's first sentences
    from adapters.pulse import Pulse  # noqa: PLC0415 - see the module's first sentences
    from adapters.switch import Switch  # noqa: PLC0415 - see the module's first sentences

    state, verb = load(os.environ, only_state=True).state, "on" if on else "off"
    try:
        Switch(state).write(on=on)
    except OSError as error:
        return _complain([Fault("switch.unwritable", {"kind": type(error).__name__})], lang)
    Mailbox(state).ring()
    tell(phrase(f"{verb}.done", lang, state=str(state.absolute())))
    if not Pulse(state).beats():
        tell(phrase(f"{verb}.idle", lang))
    return 0


def _config(arguments: argparse.Namespace, lang: str) -> int:
    rows, wrong = describe(os.environ), faults(os.environ)
    if arguments.json:
        told = [{"code": each.code, "text": say(each, lang)} for each in wrong]
        tell(json.dumps({"ok": not wrong, "settings": rows, "faults": told}, ensure_ascii=False))
        return 78 if wrong else 0
    for row in rows:
        tell(f"{row['name']}={row['value']}  [{phrase('origin.' + row['origin'], lang)}]")
    return _complain(wrong, lang)


def _demo(arguments: argparse.Namespace, lang: str) -> int:
    from adapters.demo.show import show  # noqa: PLC0415 - see the module's first sentences

    return _loop(lambda: show(lang, arguments.changes))


def _version(arguments: argparse.Namespace, lang: str) -> int:  # noqa: ARG001 - every verb has the same shape
    tell(f"tmex {__version__}")
    return 0


def _loop(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run `work` on the fastest loop there is."""
    try:
        import uvloop  # noqa: PLC0415 - not to be had on Windows
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work())


def _complain(faults: Sequence[Fault], lang: str) -> int:
    """Tell the faults, one line each; the exit code of the first."""
    for fault in faults:
        complain(say(fault, lang))
    return exit_code(faults[0].code) if faults else 0


def _bug(error: BaseException) -> Fault:
    """Our own mistake: what kind and where, never the values that were at hand."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Fault("job.bug", {"kind": type(error).__name__, "place": place})


if __name__ == "__main__":
    sys.exit(main())
