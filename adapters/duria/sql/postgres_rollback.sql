-- Takes back what `tmex sql postgres` made: the triggers, the function, the role. The two relations stay, for they may
-- hold what nothing else holds; drop them by hand when nobody needs them:
--
--   DROP TABLE public.tmex_appointments, public.tmex_reservations;
--
-- Stop tmex first. Safe to run twice. Triggers that were put on other tables are named in an error: drop them first.

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
  END LOOP;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tmex_reader') THEN
    DROP OWNED BY tmex_reader;  -- in this database: nothing but its grants
    DROP ROLE tmex_reader;
  END IF;
END
$script$;
DROP FUNCTION IF EXISTS public.tmex_changed();

RESET lock_timeout;
