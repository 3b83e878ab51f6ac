"""All that tmex reads of a practice's database: two relations, by these names, of each these fields and no other."""

from typing import Final

APPOINTMENTS: Final = "tmex_appointments"
RESERVATIONS: Final = "tmex_reservations"
RELATIONS: Final = {
    APPOINTMENTS: ("practice", "calendar", "col", "starts_at", "ends_at", "occupied"),
    RESERVATIONS: ("practice", "calendar", "col", "first_day", "last_day", "from_time", "to_time"),
}
