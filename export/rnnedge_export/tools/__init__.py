"""Programs beside Python: where they are, and what brings them."""
