"""What the operator decided, as frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.settings import ChannelMode
from bot.tool_servers import ToolServer
from quota.rules import Rules
from quota.units import Rates

# The address of the embedded model.
OFFLINE = "offline"
# Nobody mends more at once, and no line is read further.
_PROBLEMS_MAX = 50
_LINE_CHARS_MAX = 1_000


class ConfigError(Exception):
    """The config cannot be used; each problem is one line that names where, what and the fix."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Carry every problem that was found, each once."""
        found = tuple(dict.fromkeys(_one_line(problem) for problem in problems))
        more = len(found) - _PROBLEMS_MAX
        rest = (f"and {more} more problems; correct these first",) if more > 0 else ()
        self.problems = found[:_PROBLEMS_MAX] + rest
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: how it is called, what it may take, what it costs (None: see the catalogue)."""

    key: str
    name: str
    base_url: str
    api_key: str = field(repr=False)
    aliases: tuple[str, ...]
    output_max: int
    price: Rates | None
    first_token_ms: int
    idle_ms: int
    deadline_ms: int
    output_cap_field: Literal["max_completion_tokens", "max_tokens"] | None
    charge_unknown: Literal["input", "zero"]
    vision: bool = False
    allowed_for: tuple[str, ...] = ()
    tools: bool = True

    @property
    def offline(self) -> bool:
        """Whether it is the embedded model, which needs neither key nor network."""
        return self.base_url == OFFLINE

    @property
    def names(self) -> tuple[str, ...]:
        """Everything people may call it: key, name, aliases."""
        return tuple(dict.fromkeys((self.key, self.name, *self.aliases)))


@dataclass(frozen=True, slots=True)
class PricesConfig:
    """What models cost that do not say so themselves: by patterns of names, the first that fits.

    `fallback` is for a model that nobody has a price for, None: there is none.
    """

    fallback: Rates | None = None
    models: tuple[tuple[str, Rates], ...] = ()


@dataclass(frozen=True, slots=True)
class BackupConfig:
    """Where backups go (None: none are made by themselves) and how many are kept."""

    dir: Path | None
    keep: int


@dataclass(frozen=True, slots=True)
class DiscordConfig:
    """How Discord is reached, and who governs there. Empty addresses: Discord's own.

    `commands_guild`: the id of the one server that gets the commands, for trying things out.
    """

    token: str = field(repr=False)
    api_base: str = ""
    gateway: str = ""
    admin_roles: tuple[str, ...] = ()
    staff_roles: tuple[str, ...] = ()
    message_content: bool = False
    alert_channel: str = ""
    mode: ChannelMode = "mention"
    commands_guild: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may show."""
        return (self.token,)

    @property
    def connection(self) -> tuple[object, ...]:
        """What takes a new connection to change."""
        return (self.token, self.api_base, self.gateway, self.message_content, self.commands_guild)


@dataclass(frozen=True, slots=True)
class SlackConfig:
    """How Slack is reached, and who governs there. An empty `api_base`: Slack's own.

    `mode` is how events come: over a socket (`app_token`) or HTTP (`signing_secret`). With a
    `client_id` several workspaces may install the app, else `bot_token` is that of the only one.
    `single` puts all commands under one name, `prefix` stands before each.
    """

    bot_token: str = field(default="", repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    mode: Literal["socket", "http"] = "socket"
    http_host: str = "127.0.0.1"
    http_port: int = 3000
    api_base: str = ""
    admins: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    workspace_admins: bool = False
    channel_mode: ChannelMode = "thread"
    alert_channel: str = ""
    prefix: str = ""
    single: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may show."""
        return (self.bot_token, self.app_token, self.signing_secret, self.client_secret)

    @property
    def connection(self) -> tuple[object, ...]:
        """What takes a new connection to change."""
        address = (self.api_base, self.client_id, self.mode, self.http_host, self.http_port)
        return (*self.secrets, *address, self.prefix, self.single)


@dataclass(frozen=True, slots=True)
class PersonaConfig:
    """How the bot is to speak: a system prompt with placeholders, and a model of its own or ""."""

    name: str
    prompt: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """What the operator says about a channel; what is empty holds as everywhere."""

    mode: ChannelMode | Literal[""] = ""
    model: str = ""
    persona: str = ""
    max_reply: int = 0


@dataclass(frozen=True, slots=True)
class SideCallsConfig:
    """Which calls are made besides answers, and by which model ("": the one that answers).

    Summaries of conversations that are too long, of at most so many tokens; titles of threads.
    """

    summaries: bool = False
    summary_model: str = ""
    summary_tokens: int = 500
    titles: bool = False
    title_model: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator decided; the first model is the default. `path` None: no file.

    A platform that is None is not asked for. `channels` are told by name or id.
    """

    path: Path | None
    store_path: Path
    models: tuple[ModelConfig, ...]
    rules: Rules
    queue_max: int
    input_chars_max: int
    note: str
    system_prompt: str
    backup: BackupConfig
    warnings: tuple[str, ...] = ()
    discord: DiscordConfig | None = None
    slack: SlackConfig | None = None
    personas: Mapping[str, PersonaConfig] = field(default_factory=dict)
    channels: Mapping[str, ChannelConfig] = field(default_factory=dict)
    language: str = "en"
    prices: PricesConfig = PricesConfig()
    tools: tuple[ToolServer, ...] = ()
    steps_max: int = 10
    side: SideCallsConfig = SideCallsConfig()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may show."""
        keys = tuple(model.api_key for model in self.models)
        parts = (self.discord, self.slack, *self.tools)
        return keys + tuple(s for p in parts if p for s in p.secrets)

    @property
    def connections(self) -> tuple[object, ...]:
        """What of the platforms takes a restart to change."""
        return tuple(p and p.connection for p in (self.discord, self.slack))


def _one_line(text: str) -> str:
    """Show what would move or hide the rest of a line, and nothing without end."""
    shown = text if len(text) <= _LINE_CHARS_MAX else f"{text[:_LINE_CHARS_MAX]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
