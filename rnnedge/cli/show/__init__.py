"""What commands print: tables, costs, integers, progress."""
