-- What tmex needs of a PostgreSQL database: two relations, a trigger that announces their changes, a role that may read
-- them and nothing else. Made by `tmex sql postgres`; apply it as the owner of the tables, who may make roles:
--
--   tmex sql postgres | psql --single-transaction --set ON_ERROR_STOP=1 --dbname=practice
--   psql --dbname=practice --command='\password tmex_reader'
--
-- Safe to run twice. A relation that exists stays as it is, with whatever further columns it has; a missing one is made
-- as an empty table. `tmex sql postgres --rollback` prints what takes all of it back but the relations.
--
-- Times are the practice's wall time, without a time zone; '24:00' is the end of the day.

-- Rather give up than make the practice wait.
SET lock_timeout = '5s';

-- One row for each taken (occupied) or free (not occupied) time of a column's grid.
CREATE TABLE IF NOT EXISTS public.tmex_appointments (
  practice  text,
  calendar  text,
  col       text,
  starts_at timestamp,
  ends_at   timestamp,
  occupied  boolean
);

-- One row for each rectangle of days and daily times; col NULL is every column of the calendar, both days are
-- inclusive, and both times NULL are the whole day.
CREATE TABLE IF NOT EXISTS public.tmex_reservations (
  practice  text,
  calendar  text,
  col       text,
  first_day date,
  last_day  date,
  from_time time,
  to_time   time
);

-- In place of a table, a view over the practice's own data will do. The column types must be those from above, and no
-- free text may be cast: a cast that fails prints the text, which may be a patient's name.
--
--   DROP TABLE public.tmex_appointments;
--   CREATE VIEW public.tmex_appointments AS
--     SELECT 'PRAX1' AS practice, kalender AS calendar, spalte AS col, beginn AS starts_at, ende AS ends_at,
--            patient IS NOT NULL AS occupied
--       FROM praxis.termine;
--
-- Then run this script once more for the grants, and put triggers on each table beneath the view; the two arguments
-- name the columns that hold the calendar and the column of a row (leave both out if there are none):
--
--   CREATE TRIGGER tmex_row AFTER INSERT OR UPDATE OR DELETE ON praxis.termine
--     FOR EACH ROW EXECUTE FUNCTION public.tmex_changed('kalender', 'spalte');
--   ALTER TABLE praxis.termine ENABLE ALWAYS TRIGGER tmex_row;
--   CREATE TRIGGER tmex_truncate AFTER TRUNCATE ON praxis.termine
--     FOR EACH STATEMENT EXECUTE FUNCTION public.tmex_changed();
--   ALTER TABLE praxis.termine ENABLE ALWAYS TRIGGER tmex_truncate;
--
-- A table of many years is read faster with an index, which an empty table gets from here. tmex asks for rows whose
-- later end is not before the first day that it looks at, and whose start is not after the last:
--
--   CREATE INDEX CONCURRENTLY tmex_appointments_by_end ON public.tmex_appointments
--     (practice, calendar, col, coalesce(greatest(starts_at, ends_at), 'infinity'), coalesce(starts_at, '-infinity'));
DO $script$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class
              WHERE oid = pg_catalog.to_regclass('public.tmex_appointments') AND relkind IN ('r', 'p'))
     AND NOT EXISTS (SELECT FROM public.tmex_appointments) THEN
    CREATE INDEX IF NOT EXISTS tmex_appointments_by_end ON public.tmex_appointments
      (practice, calendar, col, coalesce(greatest(starts_at, ends_at), 'infinity'), coalesce(starts_at, '-infinity'));
  END IF;
END
$script$;

-- Announces on channel tmex which calendar, column and days a row named before and names now; nothing else of it. Each
-- is announced once in a transaction: once for each of a million rows would cost the practice's session gigabytes. What
-- was announced stands in the transaction's own setting tmex.told, which a savepoint takes back like the announcement.
-- It never fails the practice's statement, whatever goes wrong: a lost announcement costs one interval of tmex. It says
-- nothing while the server's queue of announcements is half full, for a full one would fail the practice's commit.
--
-- One thing it cannot help: PostgreSQL refuses PREPARE TRANSACTION (two-phase commit, XA) to a transaction that has
-- announced something. Where programs that write to these tables commit in two phases, drop the triggers again; tmex
-- then reads everything every few seconds.
CREATE OR REPLACE FUNCTION public.tmex_changed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  told text;
  calendar text;
  col text;
  first date;  -- both named when they are known, and anything between them may have changed
  last date;
  payload text;
  side text;
  touched record;
BEGIN
  told := coalesce(current_setting('tmex.told', true), '');
  FOREACH side IN ARRAY CASE WHEN TG_LEVEL = 'STATEMENT' THEN '{all}'::text[] WHEN TG_OP = 'INSERT' THEN '{new}'
                             WHEN TG_OP = 'DELETE' THEN '{old}' ELSE '{old,new}' END LOOP
    EXIT WHEN told = 'all';
    IF side = 'all' OR length(told) > 10000 THEN
      payload := '';
    ELSE
      IF side = 'old' THEN
        touched := OLD;
      ELSE
        touched := NEW;
      END IF;
      IF TG_NARGS = 0 THEN
        calendar := touched.calendar;
        col := touched.col;
      ELSE
        EXECUTE format('SELECT ($1).%I, ($1).%I', TG_ARGV[0], TG_ARGV[1]) INTO calendar, col USING touched;
      END IF;
      IF TG_NARGS = 0 AND TG_TABLE_NAME = 'tmex_appointments' THEN
        first := touched.starts_at::date;
        last := touched.ends_at::date;
      ELSIF TG_NARGS = 0 AND TG_TABLE_NAME = 'tmex_reservations' THEN
        first := touched.first_day;
        last := touched.last_day;
      END IF;
      IF first <= last THEN
        payload := json_build_object('calendar', calendar, 'col', col, 'days', ARRAY[first, last])::text;
      ELSE
        payload := json_build_object('calendar', calendar, 'col', col)::text;
      END IF;
    END IF;
    CONTINUE WHEN payload <> '' AND strpos(told, E'\n' || payload || E'\n') > 0;
    EXIT WHEN pg_notification_queue_usage() > 0.5;
    PERFORM pg_notify('tmex', payload);
    told := CASE WHEN payload = '' THEN 'all' ELSE told || E'\n' || payload || E'\n' END;
    PERFORM set_config('tmex.told', told, true);
  END LOOP;
  RETURN coalesce(NEW, OLD);
EXCEPTION WHEN OTHERS THEN
  BEGIN
    PERFORM set_config('tmex.told', 'all', true);
    PERFORM pg_notify('tmex', '') WHERE pg_notification_queue_usage() <= 0.5;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN coalesce(NEW, OLD);
END
$function$;

REVOKE ALL ON FUNCTION public.tmex_changed() FROM PUBLIC;

-- The triggers, on what is a table. They fire ALWAYS: also for rows that replication or a restore brings.
DO $script$
DECLARE
  relation text;
BEGIN
  IF pg_catalog.current_setting('max_prepared_transactions')::int > 0 THEN
    RAISE WARNING 'this server allows PREPARE TRANSACTION, which the triggers make fail for who writes to their tables';
  END IF;
  FOREACH relation IN ARRAY ARRAY['tmex_appointments', 'tmex_reservations'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_class
                WHERE oid = pg_catalog.to_regclass('public.' || relation) AND relkind IN ('r', 'p')) THEN
      EXECUTE pg_catalog.format('DROP TRIGGER IF EXISTS tmex_row ON public.%I', relation);
      EXECUTE pg_catalog.format('DROP TRIGGER IF EXISTS tmex_truncate ON public.%I', relation);
      EXECUTE pg_catalog.format('CREATE TRIGGER tmex_row AFTER INSERT OR UPDATE OR DELETE ON public.%I
        FOR EACH ROW EXECUTE FUNCTION public.tmex_changed()', relation);
      EXECUTE pg_catalog.format('CREATE TRIGGER tmex_truncate AFTER TRUNCATE ON public.%I
        FOR EACH STATEMENT EXECUTE FUNCTION public.tmex_changed()', relation);
      EXECUTE pg_catalog.format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER tmex_row', relation);
      EXECUTE pg_catalog.format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER tmex_truncate', relation);
    ELSE
      RAISE NOTICE 'public.% is no table: put the triggers on the tables beneath it', relation;
    END IF;
  END LOOP;
END
$script$;

-- The role. The grants are the wall; the settings spare the practice a reader that hangs. Of what it may do besides,
-- only what it has is taken away: whoever may make roles may not touch a right that is not his own.
DO $script$
DECLARE
  besides text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tmex_reader') THEN
    CREATE ROLE tmex_reader;
  END IF;
  SELECT pg_catalog.concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END,
                              CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
                              CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END,
                              CASE WHEN rolreplication THEN 'NOREPLICATION' END,
                              CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END)
    INTO besides FROM pg_catalog.pg_roles WHERE rolname = 'tmex_reader';
  IF besides <> '' THEN
    EXECUTE 'ALTER ROLE tmex_reader ' || besides;
  END IF;
END
$script$;
ALTER ROLE tmex_reader LOGIN NOINHERIT CONNECTION LIMIT 10;
ALTER ROLE tmex_reader SET default_transaction_read_only = on;
ALTER ROLE tmex_reader SET statement_timeout = '5s';
ALTER ROLE tmex_reader SET lock_timeout = '1s';
ALTER ROLE tmex_reader SET idle_in_transaction_session_timeout = '5s';

DO $script$
BEGIN
  EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO tmex_reader', pg_catalog.current_database());
END
$script$;
GRANT USAGE ON SCHEMA public TO tmex_reader;
REVOKE ALL ON public.tmex_appointments, public.tmex_reservations FROM tmex_reader;
GRANT SELECT (practice, calendar, col, starts_at, ends_at, occupied) ON public.tmex_appointments TO tmex_reader;
GRANT SELECT (practice, calendar, col, first_day, last_day, from_time, to_time) ON public.tmex_reservations
  TO tmex_reader;

RESET lock_timeout;
