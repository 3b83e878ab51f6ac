"""The booking portal: its wire, its client, and a stand-in to try against; nothing but times and names passes here."""
