-- What tmex reads of a SQLite database: two relations, by these names and with these columns, and nothing else.
-- Safe to run twice: what exists, as a table or as a view, stays as it is.
--
-- Times are text, local wall time: 'YYYY-MM-DD HH:MM[:SS]' (a T is as good as the space), 'YYYY-MM-DD', 'HH:MM[:SS]';
-- '24:00' is the end of the day. A table of many years is read faster with an index:
--   CREATE INDEX appointments_by_column ON tmex_appointments (practice, calendar, col);

-- One row for each taken (occupied = 1) or free (occupied = 0) time of a column's grid.
CREATE TABLE IF NOT EXISTS tmex_appointments (
  practice  text,
  calendar  text,
  col       text,
  starts_at text,
  ends_at   text,
  occupied  integer
);

-- One row for each rectangle of days and daily times; col NULL is every column of the calendar, both days are
-- inclusive, and both times NULL are the whole day.
CREATE TABLE IF NOT EXISTS tmex_reservations (
  practice  text,
  calendar  text,
  col       text,
  first_day text,
  last_day  text,
  from_time text,
  to_time   text
);

-- In place of a table, a view over the practice's own data will do:
--   DROP TABLE tmex_appointments;
--   CREATE VIEW tmex_appointments AS
--     SELECT 'PRAX1' AS practice, kalender AS calendar, spalte AS col, datum || ' ' || von AS starts_at,
--            datum || ' ' || bis AS ends_at, belegt AS occupied
--       FROM termine;
