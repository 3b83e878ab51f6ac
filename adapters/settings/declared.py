"""Every setting once, with its name, form, default and reason: the help, `tmex config` and the reference are made of
this.

Defaults are written as a practice would write them and take the same way through their form.
"""

from collections.abc import Callable, Mapping
from typing import Final, Generic
from zoneinfo import ZoneInfo

import msgspec

from adapters.settings import addresses, forms
from adapters.settings.forms import Form, T_co
from adapters.settings.values import Address, Mail, Secret, Source
from engine.model import ColumnId

PREFIX: Final = "TMEX_"
LEAST_TOKEN: Final = 16


class Setting(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """One variable. `default` None means: none, or, if `required`, that there must be one."""

    name: str
    form: Form[T_co]
    default: str | None = None
    derive: Callable[[Mapping[str, str]], str | None] | None = None
    """A default that depends on the environment; `default` describes it then."""
    required: bool = False
    keeps_empty: bool = False
    """Whether an empty value says something; for all others it is as if unset."""
    en: str
    de: str
    """What it is for and why it is so, in both languages."""


API_KEY = Setting(
    name="TMEX_API_KEY",
    form=forms.key(),
    required=True,
    en="The practice's key at the portal. Given as TMEX_API_KEY_FILE it can be renewed without a restart.",
    de="Der Schlüssel der Praxis beim Portal. Als TMEX_API_KEY_FILE lässt er sich ohne Neustart erneuern.",
)
KEY_HEADER = Setting(
    name="TMEX_KEY_HEADER",
    form=forms.header(),
    default="Authorization",
    en="The header that carries the key: Authorization carries `Bearer KEY`, any other one the bare key.",
    de="Die Kopfzeile mit dem Schlüssel: Authorization trägt `Bearer KEY`, jede andere den bloßen Schlüssel.",
)
WINDOW_URL = Setting(
    name="TMEX_WINDOW_URL",
    form=addresses.web(),
    required=True,
    en="Where the portal is asked for its window. Plain http only to this machine, for the key must not be overheard.",
    de="Wo der Zeitraum des Portals erfragt wird. Unverschlüsselt nur auf diesem Rechner: Niemand darf den Schlüssel "
    "mithören.",
)
UPLOAD_URL = Setting(
    name="TMEX_UPLOAD_URL",
    form=addresses.web(),
    required=True,
    en="Where blocked times are sent. Plain http only to this machine.",
    de="Wohin gesperrte Zeiten gesendet werden. Unverschlüsselt nur auf diesem Rechner.",
)
CALENDAR: Setting[tuple[str, ColumnId]] = Setting(
    name="TMEX_CALENDAR_1",
    form=forms.calendar(),
    required=True,
    en="One online calendar and the column that feeds it, `online name=calendar/column`. The last `=` splits, then the "
    "last `/`. Further ones are TMEX_CALENDAR_2 and so on; gaps are allowed, an empty value is an unused slot.",
    de="Ein Online-Kalender und die Spalte, die ihn speist: `Online-Name=Kalender/Spalte`. Es trennt das letzte `=`, "
    "danach das letzte `/`. Weitere heißen TMEX_CALENDAR_2 und so fort; Lücken sind erlaubt, leer heißt unbenutzt.",
)
SOURCE: Setting[Source] = Setting(
    name="TMEX_SOURCE",
    form=addresses.source(),
    required=True,
    en="The practice's calendar: a database, an SQLite file or a folder of exports. Special characters in a password "
    "or a path are percent-encoded.",
    de="Der Kalender der Praxis: eine Datenbank, eine SQLite-Datei oder ein Ordner mit Exporten. Sonderzeichen in "
    "Passwort und Pfad werden mit % kodiert.",
)
PRACTICE = Setting(
    name="TMEX_PRACTICE",
    form=forms.name(),
    default="PRAX1",
    en="The practice in DURIA. Rows of other practices are never read.",
    de="Der Praxisstand in DURIA. Zeilen anderer Praxen werden nie gelesen.",
)
INTERVAL = Setting(
    name="TMEX_INTERVAL",
    form=forms.duration("60s", "24h"),
    default="120s",
    en="The tick: how often everything is read anew, whatever was announced. The portal wants it no shorter than 60 s.",
    de="Der Takt: wie oft alles neu gelesen wird, auch wenn sich nichts gemeldet hat. Das Portal will ihn nicht unter "
    "60 s.",
)
REFRESH = Setting(
    name="TMEX_REFRESH",
    form=forms.duration("60s", "36500d", "≥ TMEX_INTERVAL"),
    default="6h",
    en="How often a calendar is uploaded even if nothing changed, in case the portal forgot. Unset, it is never "
    "shorter than TMEX_INTERVAL.",
    de="Wie oft ein Kalender auch unverändert hochgeladen wird, falls das Portal etwas vergessen hat. Ohne Angabe nie "
    "kürzer als TMEX_INTERVAL.",
)
FREE_DELAY = Setting(
    name="TMEX_FREE_DELAY",
    form=forms.duration("0", "10m"),
    default="10s",
    en="How long a removed appointment must stay away before its time is freed: a drag is a removal and a new one.",
    de="Wie lange ein Termin fehlen muss, bevor seine Zeit frei wird: Wer verschiebt, löscht und legt neu an.",
)
UPLOAD_GAP = Setting(
    name="TMEX_UPLOAD_GAP",
    form=forms.duration("0", "10m"),
    default="2s",
    en="The least time between two uploads of one calendar, so that a flood of changes becomes few uploads.",
    de="Der kleinste Abstand zweier Übertragungen eines Kalenders, damit aus vielen Änderungen wenige Übertragungen "
    "werden.",
)
UPLOAD_BURST = Setting(
    name="TMEX_UPLOAD_BURST",
    form=forms.number(1, 1_000_000_000, "uploads"),
    default="60",
    en="How many uploads a calendar may make beyond one a minute on average, so that a busy hour is not held up.",
    de="Wie viele Übertragungen ein Kalender über eine je Minute hinaus machen darf, damit eine volle Stunde nicht "
    "stockt.",
)
CONCURRENCY = Setting(
    name="TMEX_CONCURRENCY",
    form=forms.number(1, 256, "requests"),
    default="4",
    en="How many requests to the portal may be under way at once.",
    de="Wie viele Anfragen an das Portal gleichzeitig laufen dürfen.",
)
TIMEOUT = Setting(
    name="TMEX_TIMEOUT",
    form=forms.duration("1s", "5m"),
    default="30s",
    en="How long one request may take in all before it counts as unanswered.",
    de="Wie lange eine Anfrage insgesamt dauern darf, bevor sie als unbeantwortet gilt.",
)
SETTLE = Setting(
    name="TMEX_SETTLE",
    form=forms.duration("0", "1h"),
    default="90s",
    en="How late the portal may still apply an upload that it did not answer; so much later it is sent once more. "
    "0 means never.",
    de="Wie spät das Portal eine unbeantwortete Übertragung noch anwenden kann; so viel später wird noch einmal "
    "gesendet. 0 heißt nie.",
)
BACKOFF_MAX = Setting(
    name="TMEX_BACKOFF_MAX",
    form=forms.duration("1s", "1h"),
    default="60s",
    en="The longest wait between two tries. Longer spares a portal in trouble, shorter is right again sooner.",
    de="Die längste Pause zwischen zwei Versuchen. Länger schont ein gestörtes Portal, kürzer ist früher wieder "
    "richtig.",
)
GUARD_PERCENT = Setting(
    name="TMEX_GUARD_PERCENT",
    form=forms.number(1, 100, "%"),
    default="30",
    en="From which share of the blocked time on a loss is doubted and waits for TMEX_GUARD_CONFIRM.",
    de="Ab welchem Anteil der gesperrten Zeit ein Wegfall bezweifelt wird und TMEX_GUARD_CONFIRM lang wartet.",
)
GUARD_MIN = Setting(
    name="TMEX_GUARD_MIN",
    form=forms.whole_seconds("0", "1000h"),
    default="2h",
    en="Blocked time below which the guard sleeps, so that a small calendar may change freely.",
    de="Gesperrte Zeit, unter der dieser Schutz ruht, damit sich ein kleiner Kalender frei ändern kann.",
)
GUARD_CONFIRM = Setting(
    name="TMEX_GUARD_CONFIRM",
    form=forms.duration("0", "24h"),
    default="10m",
    en="How long a doubted loss must last before its times are freed: an import that runs at the time is over by then.",
    de="Wie lange ein bezweifelter Wegfall anhalten muss, bevor Zeiten frei werden: Ein laufender Import ist dann "
    "vorbei.",
)
BLOCK_VANISHED = Setting(
    name="TMEX_BLOCK_VANISHED",
    form=forms.switch(),
    default="off",
    en="Whether a free row that vanishes is blocked until a row covers its time again. Off, as in TMEX, it is only "
    "reported.",
    de="Ob eine gelöschte freie Zeile gesperrt wird, bis wieder eine Zeile ihre Zeit abdeckt. Aus, wie bei TMEX, wird "
    "sie nur gemeldet.",
)
DEFAULT_SLOT = Setting(
    name="TMEX_DEFAULT_SLOT",
    form=forms.whole_seconds("1m", "24h"),
    default="15m",
    en="What is blocked from the start of an appointment whose end cannot be used.",
    de="Was ab Beginn eines Termins gesperrt wird, dessen Ende nicht brauchbar ist.",
)
TIMEZONE: Setting[ZoneInfo] = Setting(
    name="TMEX_TIMEZONE",
    form=forms.zone(),
    default="Europe/Berlin",
    en="The time zone of the practice's clock, by its IANA name.",
    de="Die Zeitzone der Praxisuhr, mit ihrem IANA-Namen.",
)
STATE = Setting(
    name="TMEX_STATE",
    form=forms.file(),
    default="$XDG_STATE_HOME/tmex/tmex.db",
    derive=forms.derived_state,
    en="The file that remembers what the portal holds, whether the job is on, and the history. Without XDG_STATE_HOME "
    "it is below $HOME/.local/state.",
    de="Die Datei, die sich merkt, was das Portal hat, ob der Auftrag an ist, und den Verlauf. Ohne XDG_STATE_HOME "
    "liegt sie unter $HOME/.local/state.",
)
LISTEN: Setting[Address | None] = Setting(
    name="TMEX_LISTEN",
    form=addresses.listen(),
    default="127.0.0.1:8787",
    keeps_empty=True,
    en="Where the page, the health check and the metrics are served; empty means nowhere. Beyond this machine it needs "
    "TMEX_STATUS_TOKEN.",
    de="Wo Seite, Zustandsprüfung und Messwerte zu haben sind; leer heißt nirgends. Über diesen Rechner hinaus nur mit "
    "TMEX_STATUS_TOKEN.",
)
STALE_AFTER = Setting(
    name="TMEX_STALE_AFTER",
    form=forms.duration("1s", "36500d", "> TMEX_INTERVAL"),
    default="10m",
    en="After how long without being known to be right a calendar raises the alarm. Unset, it is never shorter than "
    "twice TMEX_INTERVAL.",
    de="Nach welcher Zeit ein Kalender, der nicht nachweislich stimmt, Alarm auslöst. Ohne Angabe nie kürzer als das "
    "Doppelte von TMEX_INTERVAL.",
)
SHADOW = Setting(
    name="TMEX_SHADOW",
    form=forms.switch(),
    default="off",
    en="Ask, read, decide and remember, but send nothing: to run beside TMEX for a while.",
    de="Fragen, lesen, entscheiden und merken, aber nichts senden: um eine Weile neben TMEX mitzulaufen.",
)
HISTORY = Setting(
    name="TMEX_HISTORY",
    form=forms.duration("1d", "400d"),
    default="30d",
    en="How long changes are kept: times and the calendar's name, nothing else.",
    de="Wie lange Änderungen aufgehoben werden: Zeiten und der Name des Kalenders, sonst nichts.",
)
FILE_SETTLE = Setting(
    name="TMEX_FILE_SETTLE",
    form=forms.duration("0", "10m"),
    default="300ms",
    en="How long an export must be still before it is read, so that none is read half written.",
    de="Wie lange ein Export ruhen muss, bevor er gelesen wird, damit keiner halb geschrieben gelesen wird.",
)
FILE_ENCODING = Setting(
    name="TMEX_FILE_ENCODING",
    form=forms.encoding(),
    default="auto",
    en="How exports write umlauts; `auto` finds out for each file.",
    de="Wie Exporte Umlaute schreiben; `auto` findet es für jede Datei heraus.",
)
STATUS_TOKEN: Setting[Secret | None] = Setting(
    name="TMEX_STATUS_TOKEN",
    form=forms.token(LEAST_TOKEN),
    en="What a visitor of the page must know; needed when TMEX_LISTEN reaches beyond this machine.",
    de="Was Besucher der Seite wissen müssen; nötig, wenn TMEX_LISTEN über diesen Rechner hinausreicht.",
)
ALERT_WEBHOOK: Setting[Secret | None] = Setting(
    name="TMEX_ALERT_WEBHOOK",
    form=addresses.web(secret_path=True),
    en="Where alarms and all-clears are posted as JSON.",
    de="Wohin Alarm und Entwarnung als JSON gesendet werden.",
)
ALERT_MAIL: Setting[Mail | None] = Setting(
    name="TMEX_ALERT_MAIL",
    form=addresses.mail(),
    en="The mail server that takes alarms, and whom they are for; several recipients are split by commas.",
    de="Der Mailserver für Alarme, und an wen sie gehen; mehrere Empfänger werden durch Kommas getrennt.",
)
HEARTBEAT_URL: Setting[Secret | None] = Setting(
    name="TMEX_HEARTBEAT_URL",
    form=addresses.web(secret_path=True),
    en="What is called while all is right, so that a guard outside notices when the calls stop.",
    de="Was aufgerufen wird, solange alles stimmt, damit eine Wache außerhalb merkt, wenn das ausbleibt.",
)
LANG = Setting(
    name="TMEX_LANG",
    form=forms.choice("de", "en"),
    default="de",
    derive=forms.derived_lang,
    en="The language of messages; unset, the one of LANG, else German.",
    de="Die Sprache der Meldungen; ohne Angabe die von LANG, sonst Deutsch.",
)
LOG_FORMAT: Setting[str | None] = Setting(
    name="TMEX_LOG_FORMAT",
    form=forms.choice("text", "json"),
    en="How the log is written; unset, text on a terminal, else JSON.",
    de="Wie das Protokoll geschrieben wird; ohne Angabe Text auf einem Terminal, sonst JSON.",
)
LOG_LEVEL = Setting(
    name="TMEX_LOG_LEVEL",
    form=forms.choice("debug", "info", "warning", "error"),
    default="info",
    en="From which weight on an event is logged.",
    de="Ab welchem Gewicht ein Ereignis protokolliert wird.",
)

BASICS: Final[tuple[Setting[object], ...]] = (STATE, LANG, LOG_FORMAT, LOG_LEVEL)
"""What every command needs."""
SETTINGS: Final[tuple[Setting[object], ...]] = (
    *(API_KEY, KEY_HEADER, WINDOW_URL, UPLOAD_URL, CALENDAR, SOURCE, PRACTICE),
    *(INTERVAL, REFRESH, FREE_DELAY, UPLOAD_GAP, UPLOAD_BURST, CONCURRENCY, TIMEOUT, SETTLE, BACKOFF_MAX),
    *(GUARD_PERCENT, GUARD_MIN, GUARD_CONFIRM, BLOCK_VANISHED, DEFAULT_SLOT, TIMEZONE, STATE, LISTEN, STALE_AFTER),
    *(SHADOW, HISTORY, FILE_SETTLE, FILE_ENCODING, STATUS_TOKEN, ALERT_WEBHOOK, ALERT_MAIL, HEARTBEAT_URL),
    *(LANG, LOG_FORMAT, LOG_LEVEL),
)
"""All of them, in the order in which they are explained; CALENDAR stands for as many as there are."""
