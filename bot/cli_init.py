"""The first config: what is asked, and the file that comes of it."""

import http.client
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot import config_checks as check
from bot.config import load
from bot.config_limits import check_line, check_zone
from bot.config_source import FILE_NAME
from bot.config_values import ConfigError
from quota.errors import BadRuleError

OLLAMA = "http://localhost:11434"
PROBE_S = 0.5
ANSWER_BYTES_MAX = 1 << 20

OPENAI = "https://api.openai.com/v1"
MODELS = {OPENAI: "gpt-5-mini"}
LIMIT = "20k tokens/day"
# So many models of an Ollama are named in the question.
NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Choices:
    """What a config is made of."""

    base_url: str
    model: str = ""
    api_key_env: str = ""
    limit: str = LIMIT
    timezone: str = "UTC"


def choices(ask: Callable[[str, str, str], str], ollama: Sequence[str], ollama_url: str) -> Choices:
    """Ask at most five questions: each by its name, with its words and what is taken for granted.

    `ollama`: the models of the Ollama that was found; it is offered first.
    """
    found = f"Ollama is running here ({', '.join(ollama[:NAMED_MAX])}). " if ollama else ""
    server = ask(
        "server",
        f"{found}Which server has the model: ollama, openai, offline (a stand-in), or an address?",
        "ollama" if ollama else "offline",
    )
    base_url = _address(server, ollama_url)
    model = key = ""
    if base_url != "offline":
        known = ollama[0] if ollama and base_url == _ollama_v1(ollama_url) else ""
        model = ask("model", "Which model?", known or MODELS.get(base_url, "llama3.2"))
        local = base_url.startswith("http://")
        key = ask(
            "key",
            "Which environment variable holds the key (- for none)?",
            "-" if local else "OPENAI_API_KEY",
        )
    limit = ask("limit", "What may each member use?", LIMIT)
    zone = ask("zone", "In which time zone do days end?", local_zone())
    return Choices(base_url, model, "" if key == "-" else key, limit, zone)


def mistake(name: str, answer: str, ollama_url: str) -> str:
    """What is wrong with an answer; empty where it can be used.

    Who is at a terminal is asked again at once, and does not lose the other answers.
    """
    try:
        match name:
            case "server":
                check.base_url(_address(answer, ollama_url))
            case "key" if answer != "-" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", answer):
                # Not quoted: people put the key itself here.
                return "That is no name of a variable; write one such as OPENAI_API_KEY."
            case "limit":
                check_line(answer)
            case "zone":
                check_zone(answer)
            case _:  # the name of a model is what its server says
                pass
    except BadRuleError as error:
        return f"{error}."
    except ValueError as error:
        return f"It {error}."
    return ""


def _address(server: str, ollama_url: str) -> str:
    """The address that a word stands for."""
    match server.casefold():
        case "ollama":
            return _ollama_v1(ollama_url)
        case "openai":
            return OPENAI
        case "offline":
            return "offline"
        case _:
            return server


def _ollama_v1(url: str) -> str:
    return f"{url.rstrip('/')}/v1"


def local_zone() -> str:
    """The time zone of this machine by its name, UTC where it has none."""
    try:
        place = Path("/etc/localtime").readlink().as_posix()
        zone = place.partition("zoneinfo/")[2]
        ZoneInfo(zone)
    except (OSError, ValueError):
        return "UTC"
    return zone


def written(path: Path, text: str, environ: Mapping[str, str]) -> list[str]:
    """Write a config that was proven to load, for its owner; returns what to do next.

    ConfigError names what is wrong with an answer; nothing is written then.
    """
    variables = re.findall(r'^api_key_env = "(\w+)"$', text, re.MULTILINE)
    # What a key is shows only when it is used; here it is enough that one can be there.
    keys = {name: environ.get(name) or "not-set-yet" for name in variables}
    with TemporaryDirectory(prefix="quotabot-") as folder:
        trial = Path(folder, path.name)
        trial.write_text(text, encoding="utf-8")
        try:
            load(trial, keys)
        except ConfigError as error:
            where = (problem.replace(str(trial), str(path)) for problem in error.problems)
            raise ConfigError(where) from None
    part = path.with_name(f".{path.name}.new")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigError([f"{path} cannot be written ({error.strerror}); name another"]) from None
    missing = [name for name in variables if not environ.get(name)]
    at = "" if path == Path(FILE_NAME) else f" --config {shlex.quote(str(path))}"
    return [
        f"{path} is written.",
        *(f"Put the key into the variable {name}: export {name}=…" for name in missing),
        f"quotabot doctor{at} checks it, quotabot chat{at} tries it.",
    ]


def config_text(choices: Choices) -> str:
    """A config file; every key there is stands in config.example.toml."""
    model = [f"base_url = {_quoted(choices.base_url)}"]
    if choices.model:
        model.insert(0, f"name = {_quoted(choices.model)}")
    if choices.api_key_env:
        model.append("# The variable that holds the key; the key itself never stands in a file.")
        model.append(f"api_key_env = {_quoted(choices.api_key_env)}")
    return "\n".join(
        (
            "# Quotabot. quotabot config check tells whether this file can be used, and",
            "# quotabot reload makes a running bot take it over. All keys: config.example.toml.",
            "",
            "[store]",
            'url = "sqlite:///quotabot.db"',
            "",
            "[models.default]",
            *model,
            "",
            "[limits]",
            "# What each member may use: tokens, requests or $ per minute, hour, day, week, month.",
            f"everyone = [{_quoted(choices.limit)}]",
            "# Where it is midnight when a day ends.",
            f"timezone = {_quoted(choices.timezone)}",
            "",
            "[limits.roles]",
            '#Supporter = ["200k tokens/day"]',
            '#Moderator = "unlimited"',
            "",
            "[limits.shared]",
            "# One pool for all, in addition.",
            '#space = ["2M tokens/day"]',
            "",
        )
    )


def ollama_models(url: str = OLLAMA) -> list[str]:
    """The models of an Ollama that listens there; none where none does. Takes half a second."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "localhost", parts.port or 11434, timeout=PROBE_S
    )
    try:
        connection.request("GET", "/api/tags")
        answer = connection.getresponse()
        found = json.loads(answer.read(ANSWER_BYTES_MAX))
        names = [str(model["name"]) for model in found["models"]]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return []
    finally:
        connection.close()
    return [name for name in names if name.isprintable()]


def _quoted(text: str) -> str:
    """A string of TOML; what JSON escapes, TOML escapes alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
