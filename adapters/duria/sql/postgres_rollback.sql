-- Takes back what `tmex sql postgres` made: the triggers, the function, the index, the role. The two relations stay, for
-- they may hold what nothing else holds; drop them by hand when nobody needs them:
--
--   DROP TABLE public.tmex_appointments, public.tmex_reservations;
--
-- Stop tmex first. Safe to run twice; with --single-transaction it is all or nothing. Triggers that were put on other
-- tables, and what else the role was granted, here or in another database, are named in an error: take them away first.

SET lock_timeout = '5s';

DO $script$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['tmex_appointments', 'tmex_reservations'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_class
                WHERE oid = pg_catalog.to_regclass('public.' || relation) AND relkind IN ('r', 'p')) THEN
      EXECUTE pg_catalog.format('DROP TRIGGER IF EXISTS tmex_row ON public.%I', relation);
      EXECUTE pg_catalog.format('DROP TRIGGER IF EXISTS tmex_truncate ON public.%I', relation);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tmex_reader')
       AND pg_catalog.to_regclass('public.' || relation) IS NOT NULL THEN
      EXECUTE pg_catalog.format('REVOKE ALL ON public.%I FROM tmex_reader', relation);
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tmex_reader') THEN
    REVOKE ALL ON SCHEMA public FROM tmex_reader;
    EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM tmex_reader', pg_catalog.current_database());
    DROP ROLE tmex_reader;
  END IF;
END
$script$;
DROP FUNCTION IF EXISTS public.tmex_changed();
DROP INDEX IF EXISTS public.tmex_appointments_by_end;

RESET lock_timeout;
