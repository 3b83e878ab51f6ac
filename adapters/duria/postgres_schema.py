"""What the practice's PostgreSQL should offer, and what not: relations, types, triggers, and rights that end there.

All of it is read from the system's catalogue, which every role may read; no row of the practice is touched.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from adapters.duria.postgres_link import Readers, Row
from adapters.duria.relations import RELATIONS
from engine.faults import Fault

_TYPES: Final = {
    **dict.fromkeys(("practice", "calendar", "col"), "text"),
    **dict.fromkeys(("starts_at", "ends_at"), "timestamp without time zone"),
    **dict.fromkeys(("first_day", "last_day"), "date"),
    **dict.fromkeys(("from_time", "to_time"), "time without time zone"),
    "occupied": "boolean",
}
"""Each field's type in PostgreSQL's words; any kind of text is as good as `text`."""
_MOST_RIGHTS: Final = 3
_ROLE: Final = "tmex_reader"
"""The role that our script makes."""

_FIELDS: Final = """
SELECT relation, c.oid IS NOT NULL, has_schema_privilege('public', 'USAGE'), a.attname::text,
       CASE t.typcategory WHEN 'S' THEN 'text'
            ELSE format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) END,
       has_column_privilege(c.oid, a.attnum, 'SELECT'), row_security_active(c.oid)
  FROM unnest($1::text[]) AS relation
  LEFT JOIN pg_class c ON c.relname = relation AND c.relnamespace = 'public'::regnamespace
                      AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_type t ON t.oid = a.atttypid
"""
# All that a relation is made of: the tables beneath a view, and those that are part of a table.
BENEATH: Final = """
WITH RECURSIVE beneath AS (
  SELECT oid, relname::text AS relation FROM pg_class
   WHERE relnamespace = to_regnamespace('public') AND relname = ANY ($1::text[])
  UNION
  SELECT part.oid, relation FROM beneath, LATERAL (
    SELECT refobjid FROM pg_rewrite JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
     WHERE ev_class = beneath.oid AND ev_type = '1' AND refclassid = 'pg_class'::regclass
    UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = beneath.oid) AS part (oid)
)"""
# Bits of a trigger's type: 1 each row, 4 insert, 8 delete, 16 update, 32 truncate. A partition has its table's row
# triggers. A materialized view and a foreign table change without a word. The server's own catalogue does not count.
_TRIGGERS: Final = f"""{BENEATH}, tables AS (
  SELECT relation, c.oid, relkind IN ('m', 'f') AS mute, relispartition AS part,
         CASE WHEN c.relname = relation AND relnamespace = to_regnamespace('public') THEN relation
              ELSE c.oid::regclass::text END AS name
    FROM beneath JOIN pg_class c USING (oid) WHERE relkind IN ('r', 'p', 'm', 'f') AND c.oid >= 16384
), ours AS (
  SELECT tgrelid, bit_or(tgtype::int) FILTER (WHERE tgtype & 1 = 1) AS rows,
         bit_or(tgtype::int) FILTER (WHERE tgtype & 1 = 0) AS statements
    FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
   WHERE proname = 'tmex_changed' AND tgenabled IN ('O', 'A') GROUP BY tgrelid
)
SELECT name FROM tables LEFT JOIN ours ON tgrelid = oid
 WHERE mute OR coalesce(rows & 28 <> 28, true) OR NOT part AND coalesce(statements & 32 = 0, true)
UNION
SELECT relation FROM beneath WHERE relation NOT IN (SELECT relation FROM tables)
 ORDER BY 1
"""  # noqa: S608 - the pieces are constants
_HIDDEN: Final = f"""{BENEATH}
SELECT DISTINCT oid::regclass::text FROM beneath JOIN pg_class USING (oid) WHERE relrowsecurity ORDER BY 1
"""  # noqa: S608 - the pieces are constants
# Each right that is one too many, and what takes it away.
_RIGHTS: Final = """
WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user),
others AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name,
         n.nspname = 'public' AND c.relname = ANY ($1::text[]) AS ours
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
     AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
     AND has_schema_privilege(n.oid, 'USAGE')
)
SELECT 1 AS rank, 'SUPERUSER' AS what, format('ALTER ROLE %I NOSUPERUSER', rolname) AS cure FROM me WHERE rolsuper
UNION ALL
SELECT 2, kind, format('ALTER ROLE %I NO%s', rolname, kind)
  FROM me, LATERAL (VALUES ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb), ('REPLICATION', rolreplication),
                           ('BYPASSRLS', rolbypassrls)) AS may(kind, given)
 WHERE given
UNION ALL
SELECT 3, g.rolname::text, format('REVOKE %I FROM %I', g.rolname, me.rolname)
  FROM me JOIN pg_auth_members m ON m.member = me.oid JOIN pg_roles g ON g.oid = m.roleid
UNION ALL
SELECT 4, 'OWNER ' || name, format('ALTER TABLE %s OWNER TO another_role', name)
  FROM others JOIN me ON relowner = me.oid
UNION ALL
SELECT 5, 'INSERT, UPDATE, DELETE ' || name,
       format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s FROM %I, PUBLIC', name, current_user)
  FROM others
 WHERE has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(oid, 'INSERT, UPDATE')
UNION ALL
SELECT 6, 'SELECT ' || name, format('REVOKE SELECT ON %s FROM %I, PUBLIC', name, current_user)
  FROM others WHERE NOT ours AND has_any_column_privilege(oid, 'SELECT')
UNION ALL
SELECT 7, format('SELECT (%s) %s', string_agg(attname, ', '), min(name)),
       format('REVOKE SELECT ON %s FROM %I, PUBLIC', min(name), current_user) || '; tmex sql postgres'
  FROM others JOIN pg_attribute a ON attrelid = oid
 WHERE ours AND attnum > 0 AND NOT attisdropped AND has_column_privilege(oid, attnum, 'SELECT')
   AND attname <> ALL ($2::text[])
 GROUP BY oid
UNION ALL
SELECT 8, 'CREATE SCHEMA ' || nspname, format('REVOKE CREATE ON SCHEMA %I FROM %I, PUBLIC', nspname, current_user)
  FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(oid, 'CREATE')
UNION ALL
SELECT 9, 'CREATE DATABASE ' || datname, format('REVOKE CREATE ON DATABASE %I FROM %I, PUBLIC', datname, current_user)
  FROM pg_database WHERE datname = current_database() AND has_database_privilege(datname, 'CREATE')
 ORDER BY 1, 2
"""


async def schema_faults(readers: Readers) -> list[Fault]:
    """All that should be mended, one fault of each kind. Raises SourceError."""
    found = [await shape_fault(readers), await trigger_fault(readers), await rights_fault(readers)]
    return [each for each in found if each is not None]


async def shape_fault(readers: Readers) -> Fault | None:
    """The first relation or field that is missing, of a wrong type, or out of our reach. Raises SourceError."""
    fields: dict[str, dict[str, tuple[str, bool]]] = {}
    missing, filtered = set(), set()
    for relation, exists, usable, field, kind, readable, policed in await readers.rows(_FIELDS, list(RELATIONS)):
        if not exists:
            missing.add(relation)
        if policed:
            filtered.add(relation)
        fields.setdefault(relation, {})[field] = (kind, bool(usable and readable))
    for relation, wanted in RELATIONS.items():
        if relation in missing:
            return Fault("source.no_relation", {"relation": relation})
        for field in wanted:
            fault = _field_fault(relation, field, fields[relation].get(field))
            if fault is not None:
                return fault
    return _hidden(sorted(filtered))


async def hidden_fault(readers: Readers) -> Fault | None:
    """Tables beneath whose policies may hide rows from a view's owner. Raises SourceError."""
    return _hidden([name for [name] in await readers.rows(_HIDDEN, list(RELATIONS))])


def _hidden(relations: Sequence[str]) -> Fault | None:
    return Fault("source.rows_hidden", {"relation": ", ".join(relations)}) if relations else None


def _field_fault(relation: str, field: str, found: tuple[str, bool] | None) -> Fault | None:
    if found is None:
        return Fault("source.no_field", {"relation": relation, "field": field})
    kind, readable = found
    if kind != _TYPES[field]:
        return Fault(
            "source.wrong_type", {"relation": relation, "field": field, "found": kind, "expected": _TYPES[field]}
        )
    return None if readable else Fault("source.field_denied", {"relation": relation, "field": field})


class _Asks(Protocol):
    async def rows(self, sql: str, *values: object) -> Sequence[Row]: ...


async def trigger_fault(link: _Asks) -> Fault | None:
    """A relation whose changes, or those of a table beneath it, are not announced. Raises what `link` raises."""
    silent = await link.rows(_TRIGGERS, list(RELATIONS))
    return Fault("source.no_trigger", {"relation": ", ".join(name for [name] in silent)}) if silent else None


async def rights_fault(readers: Readers) -> Fault | None:
    """What the role may do beyond reading tmex's fields, and how to take it away. Raises SourceError."""
    contract = sorted({field for fields in RELATIONS.values() for field in fields})
    found = await readers.rows(_RIGHTS, list(RELATIONS), contract)
    if not found:
        return None
    if found[0][0] == 1:
        found = found[:1]  # a superuser may do all the rest too
    shown = found[:_MOST_RIGHTS]
    more = f" (+{len(found) - len(shown)})" if len(found) > len(shown) else ""
    rights, cures = "; ".join(what for _, what, _ in shown) + more, "; ".join(cure for *_, cure in shown)
    [[role]] = await readers.rows("SELECT current_user::text")
    if role != _ROLE:
        return Fault("source.role_other", {"role": role, "rights": rights})
    return Fault("source.role_wide", {"role": role, "rights": rights, "cures": cures})
